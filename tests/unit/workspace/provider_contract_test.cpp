#include "unit/workspace/provider_contract.hpp"

#include "fakes/fake_clock.hpp"
#include "fakes/fake_provider.hpp"
#include "workspace/provider.hpp"

#include <cstddef>
#include <memory>

#include <gtest/gtest.h>

namespace carrel {
namespace {

// The fake is held to the contract, too: a good one, and one in which every change takes its time.
template <int slow_looks>
class FakeSubject {
 public:
  FakeSubject() { place_.slow_looks = slow_looks; }
  std::unique_ptr<Provider> open() { return std::make_unique<FakeProvider>(place_, clock_); }
  void pass_time() { clock_.advance(Milliseconds(1000)); }
  int looks = slow_looks + 1;
  std::size_t machines() const { return place_.machines.size(); }
  void make_unanswerable(const MachineRef& machine) { place_.silent_refs.push_back(machine.ref); }
  void make_answerable(const MachineRef& /*machine*/) { place_.silent_refs.clear(); }

 private:
  FakeClock clock_;
  FakePlace place_;
};

}  // namespace

using FakeSubjects = ::testing::Types<FakeSubject<0>, FakeSubject<5>>;
INSTANTIATE_TYPED_TEST_SUITE_P(fake, ProviderContract, FakeSubjects);

}  // namespace carrel
