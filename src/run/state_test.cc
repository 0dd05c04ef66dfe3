#include "run/state.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

namespace writ::run {
namespace {

const std::vector<State> kAllStates = {State::Requested, State::Verified, State::Authorized,
                                       State::Admitted,  State::Running,  State::Frozen,
                                       State::Ended,     State::Closed,   State::Denied};
const std::vector<Event> kAllEvents = {
    Event::PermitVerified,  Event::PolicyAllowed, Event::AdmissionDurable,
    Event::ProgramReleased, Event::Freeze,        Event::Thaw,
    Event::Failed,          Event::ProcessesGone, Event::EndDurable};

// The whole table once more, written as pairs; every pair that is not here must be refused.
const std::map<std::pair<State, Event>, State> kTable = {
    {{State::Requested, Event::PermitVerified}, State::Verified},
    {{State::Requested, Event::Failed}, State::Denied},
    {{State::Verified, Event::PolicyAllowed}, State::Authorized},
    {{State::Verified, Event::Failed}, State::Denied},
    {{State::Authorized, Event::AdmissionDurable}, State::Admitted},
    {{State::Authorized, Event::Failed}, State::Denied},
    {{State::Admitted, Event::ProgramReleased}, State::Running},
    {{State::Admitted, Event::ProcessesGone}, State::Ended},
    {{State::Running, Event::Freeze}, State::Frozen},
    {{State::Running, Event::ProcessesGone}, State::Ended},
    {{State::Frozen, Event::Thaw}, State::Running},
    {{State::Frozen, Event::ProcessesGone}, State::Ended},
    {{State::Ended, Event::EndDurable}, State::Closed},
};

TEST(RunState, EveryPairOfStateAndEventIsAsTheTableSays) {
  ASSERT_EQ(kAllStates.size(), static_cast<std::size_t>(kStates));
  ASSERT_EQ(kAllEvents.size(), static_cast<std::size_t>(kEvents));
  for (State state : kAllStates) {
    for (Event event : kAllEvents) {
      Status now;
      now.state = state;
      std::optional<EndReason> reason;
      if (event == Event::ProcessesGone) {
        reason = state == State::Admitted ? EndReason::NotStarted : EndReason::Revoked;
      }
      Result<Status> after = step(now, event, reason);
      auto row = kTable.find({state, event});
      SCOPED_TRACE(std::string(state_name(state)) + " + " + std::string(event_name(event)));
      if (row == kTable.end()) {
        ASSERT_FALSE(after);
        EXPECT_EQ(after.error().code(), Code::Conflict);
      } else {
        ASSERT_TRUE(after);
        EXPECT_EQ(after->state, row->second);
        EXPECT_EQ(after->end.has_value(), row->second == State::Ended);
      }
    }
  }
}

TEST(RunState, NoPathReachesRunningWithoutADurableAdmission) {
  // Every way into a live state leads through AdmissionDurable.
  for (const auto& [from, to] : kTable) {
    if (live(to) && !live(from.first)) {
      EXPECT_EQ(from.second, Event::AdmissionDurable);
    }
  }
}

TEST(RunState, AnEndReasonComesWithTheEndAndStaysThroughClosing) {
  Status running{State::Running, {}};
  EXPECT_FALSE(step(running, Event::ProcessesGone));
  EXPECT_FALSE(step(running, Event::Freeze, EndReason::Exited));
  Result<Status> ended = step(running, Event::ProcessesGone, EndReason::LimitWall);
  ASSERT_TRUE(ended);
  Result<Status> closed = step(*ended, Event::EndDurable);
  ASSERT_TRUE(closed);
  EXPECT_EQ(closed->end, EndReason::LimitWall);
}

TEST(RunState, NotStartedBelongsToARunThatHasNotStartedAndToNoOther) {
  EXPECT_FALSE(step({State::Admitted, {}}, Event::ProcessesGone, EndReason::Exited));
  EXPECT_FALSE(step({State::Running, {}}, Event::ProcessesGone, EndReason::NotStarted));
  EXPECT_FALSE(step({State::Frozen, {}}, Event::ProcessesGone, EndReason::NotStarted));
}

TEST(RunState, ADeniedOrClosedRunTakesNoEvent) {
  for (Event event : kAllEvents) {
    std::optional<EndReason> reason;
    if (event == Event::ProcessesGone) reason = EndReason::Exited;
    EXPECT_FALSE(step({State::Denied, {}}, event, reason));
    EXPECT_FALSE(step({State::Closed, EndReason::Exited}, event, reason));
  }
}

}  // namespace
}  // namespace writ::run
