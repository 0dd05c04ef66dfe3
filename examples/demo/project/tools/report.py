"""Reads a CSV of prices and writes a report: report.py CSV REPORT."""
import csv
import statistics
import sys

source, target = sys.argv[1:]
by_item = {}
with open(source, newline="", encoding="utf-8") as file:
    for row in csv.DictReader(file):
        by_item.setdefault(row["item"], []).append(float(row["price"]))
with open(target, "w", encoding="utf-8") as report:
    for item, prices in sorted(by_item.items()):
        line = f"{item:8} {len(prices)} prices, median {statistics.median(prices):.2f}"
        print(line)
        print(line, file=report)
