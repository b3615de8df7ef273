// The contract of workspace/provider.hpp as tests: one suite for every provider.
//
// A provider's own test gives a Subject and instantiates the suite:
//
//   struct Subject {
//     std::unique_ptr<Provider> open();  // made anew, over the same place: as another command
//     would void pass_time();                  // between two looks: a fake clock's step, a short
//     wait int looks = 100;                   // how many looks a change may take std::size_t
//     machines();            // how many there are at the place, whoever asked for them void
//     make_unanswerable(const MachineRef& machine);  // it cannot be asked any more void
//     make_answerable(const MachineRef& machine);
//   };
//   INSTANTIATE_TYPED_TEST_SUITE_P(ec2, ProviderContract, Ec2Subject);
//
// Nothing here takes a request for its outcome: what was asked for is looked at until it is so.
#pragma once

#include "base/error.hpp"
#include "base/names.hpp"
#include "channel/channel.hpp"
#include "os/wait.hpp"
#include "workspace/provider.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace carrel {

template <class Subject>
class ProviderContract : public ::testing::Test {
 protected:
  Intent intent(const std::string& token) {
    const auto offers = subject.open()->offers(Hardware{}, Wait{});
    EXPECT_TRUE(offers);
    const auto usable =
        std::ranges::find_if(*offers, [](const Offer& one) { return one.blocked.empty(); });
    EXPECT_NE(usable, offers->end());
    return {.token = token,
            .workspace = WorkspaceId::make(WallTime(std::chrono::seconds(1)), "0123456789"),
            .name = WorkspaceName::from_folder("contract"),
            .offer = *usable};
  }

  MachineRef make(const std::string& token) {
    const auto made = subject.open()->create(intent(token), Wait{});
    EXPECT_TRUE(made) << made.error().what;
    return made.value_or(MachineRef{});
  }

  Observation look(const MachineRef& machine) {
    const auto seen = subject.open()->observe({machine}, Wait{});
    EXPECT_TRUE(seen);
    EXPECT_EQ(seen->size(), 1U);
    return seen->front();
  }

  // The last look; the machine is in `state` unless it took more looks than the subject allows.
  Observation until(const MachineRef& machine, MachineState state) {
    auto seen = look(machine);
    for (int i = 0; i < subject.looks && seen.state != state; ++i) {
      subject.pass_time();
      seen = look(machine);
    }
    EXPECT_EQ(to_number(seen.state), to_number(state)) << seen.reason;
    return seen;
  }

  static int to_number(MachineState state) { return static_cast<int>(state); }

  Subject subject;
};

TYPED_TEST_SUITE_P(ProviderContract);

// A typed test is a class of its own, and its name is a sentence.
// NOLINTBEGIN(readability-identifier-naming)
TYPED_TEST_P(ProviderContract, has_a_name_and_something_to_offer_and_looking_makes_nothing) {
  EXPECT_FALSE(this->subject.open()->name().empty());
  (void)this->intent("a");
  EXPECT_EQ(this->subject.machines(), 0U);
}

TYPED_TEST_P(ProviderContract, what_was_asked_for_runs_in_the_end_and_names_its_provider) {
  const auto machine = this->make("token-a");
  EXPECT_EQ(machine.provider, this->subject.open()->name());
  EXPECT_FALSE(machine.ref.empty());
  EXPECT_FALSE(machine.place.empty());
  this->until(machine, MachineState::running);
}

TYPED_TEST_P(ProviderContract, the_same_token_never_makes_a_second_machine) {
  const auto first = this->make("token-a");
  EXPECT_EQ(this->make("token-a"), first) << "while it is on its way";
  this->until(first, MachineState::running);
  EXPECT_EQ(this->make("token-a"), first) << "while it runs";
  ASSERT_TRUE(this->subject.open()->stop(first, StopHow::gracefully, Wait{}));
  this->until(first, MachineState::stopped);
  EXPECT_EQ(this->make("token-a"), first) << "while it is stopped";
  this->until(first, MachineState::stopped);
  EXPECT_EQ(this->subject.machines(), 1U);
}

TYPED_TEST_P(ProviderContract, a_token_finds_what_it_made_and_finding_makes_nothing) {
  const auto nothing = this->subject.open()->find("token-a", Wait{});
  ASSERT_TRUE(nothing);
  EXPECT_FALSE(nothing->has_value());
  EXPECT_EQ(this->subject.machines(), 0U);
  const auto machine = this->make("token-a");
  const auto found = this->subject.open()->find("token-a", Wait{});
  ASSERT_TRUE(found);
  EXPECT_EQ(*found, machine);
}

TYPED_TEST_P(ProviderContract, another_token_makes_another_machine) {
  EXPECT_NE(this->make("token-a").ref, this->make("token-b").ref);
  EXPECT_EQ(this->subject.machines(), 2U);
}

TYPED_TEST_P(ProviderContract, without_a_token_nothing_is_made) {
  EXPECT_FALSE(this->subject.open()->create(this->intent(""), Wait{}));
  EXPECT_EQ(this->subject.machines(), 0U);
}

TYPED_TEST_P(ProviderContract, one_question_is_answered_for_each_machine_in_its_order) {
  const auto a = this->make("token-a");
  const auto b = this->make("token-b");
  auto stranger = a;
  stranger.ref = "nobody-made-this";
  this->until(a, MachineState::running);
  this->until(b, MachineState::running);
  ASSERT_TRUE(this->subject.open()->stop(b, StopHow::gracefully, Wait{}));
  this->until(b, MachineState::stopped);
  const auto seen = this->subject.open()->observe({b, stranger, a, b}, Wait{});
  ASSERT_TRUE(seen);
  std::vector<MachineState> states;
  for (const auto& one : *seen) states.push_back(one.state);
  EXPECT_EQ(states, (std::vector{MachineState::stopped, MachineState::gone, MachineState::running,
                                 MachineState::stopped}));
  const auto nothing = this->subject.open()->observe({}, Wait{});
  ASSERT_TRUE(nothing);
  EXPECT_TRUE(nothing->empty());
}

TYPED_TEST_P(ProviderContract, stops_starts_and_removes_as_often_as_it_is_asked) {
  const auto machine = this->make("token-a");
  this->until(machine, MachineState::running);
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(this->subject.open()->stop(machine, StopHow::gracefully, Wait{}));
  }
  this->until(machine, MachineState::stopped);
  EXPECT_TRUE(this->subject.open()->stop(machine, StopHow::at_once, Wait{}));
  this->until(machine, MachineState::stopped);
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(this->subject.open()->start(machine, Wait{}));
  this->until(machine, MachineState::running);
  EXPECT_TRUE(this->subject.open()->start(machine, Wait{}));
  this->until(machine, MachineState::running);
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(this->subject.open()->remove(machine, Keep::nothing, Wait{}));
  }
  this->until(machine, MachineState::gone);
}

TYPED_TEST_P(ProviderContract, a_machine_that_is_gone_can_be_asked_anything_and_stays_gone) {
  const auto machine = this->make("token-a");
  this->until(machine, MachineState::running);
  ASSERT_TRUE(this->subject.open()->remove(machine, Keep::nothing, Wait{}));
  this->until(machine, MachineState::gone);
  EXPECT_TRUE(this->subject.open()->start(machine, Wait{}));
  EXPECT_TRUE(this->subject.open()->stop(machine, StopHow::at_once, Wait{}));
  EXPECT_TRUE(this->subject.open()->remove(machine, Keep::nothing, Wait{}));
  this->subject.pass_time();
  EXPECT_EQ(this->to_number(this->look(machine).state), this->to_number(MachineState::gone));
  EXPECT_EQ(this->subject.machines(), 0U);
}

TYPED_TEST_P(ProviderContract, what_cannot_be_asked_is_unknown_with_a_reason_and_not_the_others) {
  const auto quiet = this->make("token-a");
  const auto other = this->make("token-b");
  this->until(quiet, MachineState::running);
  this->until(other, MachineState::running);
  this->subject.make_unanswerable(quiet);
  const auto seen = this->subject.open()->observe({quiet, other}, Wait{});
  ASSERT_TRUE(seen);
  ASSERT_EQ(seen->size(), 2U);
  EXPECT_EQ(seen->at(0).state, MachineState::unknown);
  EXPECT_FALSE(seen->at(0).reason.empty());
  EXPECT_EQ(seen->at(0).last_known.has_value(), seen->at(0).last_known_age.has_value());
  EXPECT_EQ(seen->at(0).last_known.value_or(MachineState::running), MachineState::running);
  EXPECT_EQ(seen->at(1).state, MachineState::running);
  this->subject.make_answerable(quiet);
  this->until(quiet, MachineState::running);
  EXPECT_EQ(this->subject.machines(), 2U);
}

TYPED_TEST_P(ProviderContract, a_machine_that_runs_can_be_reached) {
  const auto machine = this->make("token-a");
  this->until(machine, MachineState::running);
  auto channel = this->subject.open()->channel(machine, Wait{});
  ASSERT_TRUE(channel);
  EXPECT_EQ((*channel)->is_folder("/", Wait{}), true);
}
// NOLINTEND(readability-identifier-naming)

REGISTER_TYPED_TEST_SUITE_P(ProviderContract,
                            has_a_name_and_something_to_offer_and_looking_makes_nothing,
                            what_was_asked_for_runs_in_the_end_and_names_its_provider,
                            the_same_token_never_makes_a_second_machine,
                            a_token_finds_what_it_made_and_finding_makes_nothing,
                            another_token_makes_another_machine, without_a_token_nothing_is_made,
                            one_question_is_answered_for_each_machine_in_its_order,
                            stops_starts_and_removes_as_often_as_it_is_asked,
                            a_machine_that_is_gone_can_be_asked_anything_and_stays_gone,
                            what_cannot_be_asked_is_unknown_with_a_reason_and_not_the_others,
                            a_machine_that_runs_can_be_reached);

}  // namespace carrel
