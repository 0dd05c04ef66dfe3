// A stranger's reader of a Writ log: Go's golang.org/x/mod/sumdb note and tlog, nothing of ours.
//
//	log_reader DIRECTORY VKEY            checks every tile, entry and proof under the signed head
//	log_reader proof FILE ENTRY VKEY     checks one .tlog-proof file for the entry in a file
//
// DIRECTORY is what a static web server would serve: checkpoint, tile/....
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func fail(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "log_reader: "+format+"\n", args...)
	os.Exit(1)
}

func read(path string) []byte {
	data, err := os.ReadFile(path)
	if err != nil {
		fail("%v", err)
	}
	return data
}

func hashOf(text string) tlog.Hash {
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(data) != sha256.Size {
		fail("not a hash: %q", text)
	}
	var hash tlog.Hash
	copy(hash[:], data)
	return hash
}

// opened verifies a checkpoint and gives its size and root.
func opened(checkpoint []byte, vkey string) (int64, tlog.Hash) {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		fail("vkey: %v", err)
	}
	n, err := note.Open(checkpoint, note.VerifierList(verifier))
	if err != nil {
		fail("checkpoint: %v", err)
	}
	lines := strings.Split(n.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() {
		fail("checkpoint of another shape or origin: %q", n.Text)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		fail("size: %v", err)
	}
	return size, hashOf(lines[2])
}

// pathOf is a tile's path as tlog-tiles has it: without the height that Go's own servers use.
func pathOf(t tlog.Tile) string {
	kind := "tile/8/data/"
	ours := "tile/entries/"
	if t.L >= 0 {
		kind = fmt.Sprintf("tile/8/%d/", t.L)
		ours = fmt.Sprintf("tile/%d/", t.L)
	}
	return ours + strings.TrimPrefix(t.Path(), kind)
}

func entriesOf(bundle []byte, width int) [][]byte {
	var entries [][]byte
	for len(entries) < width {
		if len(bundle) < 2 || len(bundle) < 2+int(binary.BigEndian.Uint16(bundle)) {
			fail("a bundle ends early")
		}
		n := int(binary.BigEndian.Uint16(bundle))
		entries = append(entries, bundle[2:2+n])
		bundle = bundle[2+n:]
	}
	if len(bundle) != 0 {
		fail("something follows the last entry of a bundle")
	}
	return entries
}

func checkLog(dir, vkey string) {
	size, root := opened(read(filepath.Join(dir, "checkpoint")), vkey)
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var hashes []tlog.Hash
		for _, i := range indexes {
			hashes = append(hashes, stored[i])
		}
		return hashes, nil
	})
	var records []tlog.Hash
	for first := int64(0); first < size; first += 256 {
		tile := tlog.Tile{H: 8, L: -1, N: first / 256, W: 256}
		if size-first < 256 {
			tile.W = int(size - first)
		}
		for _, entry := range entriesOf(read(filepath.Join(dir, pathOf(tile))), tile.W) {
			hashes, err := tlog.StoredHashes(int64(len(records)), entry, reader)
			if err != nil {
				fail("%v", err)
			}
			stored = append(stored, hashes...)
			records = append(records, tlog.RecordHash(entry))
		}
	}
	made, err := tlog.TreeHash(size, reader)
	if err != nil || made != root {
		fail("the entries give another root than the head says: %v", err)
	}
	tiles := tlog.NewTiles(8, 0, size)
	checked := 0
	for _, tile := range tiles {
		// The library names every width on the way to this size; the log keeps those of its heads.
		if tile.W < 256 && int64(tile.W) != size>>(8*uint(tile.L))-tile.N*256 {
			continue
		}
		checked++
		want, err := tlog.ReadTileData(tile, reader)
		if err != nil {
			fail("%v", err)
		}
		if !bytes.Equal(want, read(filepath.Join(dir, pathOf(tile)))) {
			fail("%s differs", pathOf(tile))
		}
	}
	// Proofs from the tiles on disk alone, through Go's own reader of tiles.
	fromTiles := tlog.TileHashReader(tlog.Tree{N: size, Hash: root}, tileFiles(dir))
	for i := int64(0); i < size; i += 1 + size/50 {
		proof, err := tlog.ProveRecord(size, i, fromTiles)
		if err != nil {
			fail("proof of entry %d: %v", i, err)
		}
		if err := tlog.CheckRecord(proof, size, root, i, records[i]); err != nil {
			fail("entry %d: %v", i, err)
		}
	}
	fmt.Printf("%d entries, %d tiles\n", size, checked)
}

type tileFiles string

func (dir tileFiles) Height() int { return 8 }
func (dir tileFiles) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var data [][]byte
	for _, tile := range tiles {
		bytes, err := os.ReadFile(filepath.Join(string(dir), pathOf(tile)))
		if err != nil {
			return nil, err
		}
		data = append(data, bytes)
	}
	return data, nil
}
func (dir tileFiles) SaveTiles([]tlog.Tile, [][]byte) {}

func checkProof(file, entry, vkey string) {
	head, checkpoint, _ := strings.Cut(string(read(file)), "\n\n")
	lines := strings.Split(head, "\n")
	if len(lines) < 2 || lines[0] != "c2sp.org/tlog-proof@v1" {
		fail("not a proof file")
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[1], "index "), 10, 64)
	if err != nil {
		fail("index: %v", err)
	}
	var proof tlog.RecordProof
	for _, line := range lines[2:] {
		proof = append(proof, hashOf(line))
	}
	size, root := opened([]byte(checkpoint), vkey)
	if err := tlog.CheckRecord(proof, size, root, index, tlog.RecordHash(read(entry))); err != nil {
		fail("%v", err)
	}
	fmt.Printf("entry %d is in the tree of %d\n", index, size)
}

func main() {
	switch {
	case len(os.Args) == 3:
		checkLog(os.Args[1], os.Args[2])
	case len(os.Args) == 5 && os.Args[1] == "proof":
		checkProof(os.Args[2], os.Args[3], os.Args[4])
	default:
		fail("usage: log_reader DIRECTORY VKEY | log_reader proof FILE ENTRY VKEY")
	}
}
