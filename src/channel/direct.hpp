// The channel to this computer: no network, no copy; `environment` is what the person's shell gave
// to Carrel.
#pragma once

#include "channel/channel.hpp"

namespace carrel {

class DirectChannel final : public Channel {
 public:
  DirectChannel(Processes& processes, Environment environment)
      : processes_(processes), environment_(std::move(environment)) {}
  Result<ProcessResult> run(const Command& command, const Wait& wait) override;
  Result<> put(const std::filesystem::path& root, const std::vector<PutFile>& files,
               const Wait& wait) override;
  Result<std::string> get(const std::filesystem::path& path, const Wait& wait) override;
  Result<Endpoint> forward(const std::filesystem::path& socket, const Wait& wait) override;
  Result<bool> is_folder(const std::filesystem::path& path, const Wait& wait) override;
  Result<> remove(const std::filesystem::path& tree, const Wait& wait) override;
  Result<bool> alive(const ProcessId& process, const Wait& wait) override;
  Result<> end(const std::optional<ProcessId>& process, std::string_view name,
               std::string_view value, Milliseconds grace, const Wait& wait) override;

 private:
  Processes& processes_;
  Environment environment_;
};

}  // namespace carrel
