// The provider `local`: this computer. It hands out itself, for nothing, as often as asked; what it
// keeps of each machine is one small file, so that stopped, started and removed mean here what they
// mean elsewhere.
#pragma once

#include "channel/channel.hpp"
#include "os/clock.hpp"
#include "os/process.hpp"
#include "workspace/paths.hpp"
#include "workspace/provider.hpp"

#include <filesystem>
#include <optional>
#include <string>

namespace carrel {

class LocalProvider final : public Provider {
 public:
  // `environment` is what commands on this computer see.
  LocalProvider(Processes& processes, WorkspacePaths paths, Environment environment);

  std::string name() const override { return "local"; }
  ProviderFacts facts() const override;
  Result<std::vector<Offer>> offers(const Hardware& hardware, const Wait& wait) override;
  Result<MachineRef> create(const Intent& intent, const Wait& wait) override;
  Result<std::optional<MachineRef>> find(const std::string& token, const Wait& wait) override;
  Result<std::vector<Observation>> observe(const std::vector<MachineRef>& machines,
                                           const Wait& wait) override;
  Result<> start(const MachineRef& machine, const Wait& wait) override;
  Result<> stop(const MachineRef& machine, StopHow how, const Wait& wait) override;
  Result<> remove(const MachineRef& machine, Keep keep, const Wait& wait) override;
  Result<std::unique_ptr<Channel>> channel(const MachineRef& machine, const Wait& wait) override;

 private:
  std::filesystem::path folder() const;
  bool is_there(const MachineRef& machine) const;

  Processes& processes_;
  WorkspacePaths paths_;
  Environment environment_;
};

}  // namespace carrel
