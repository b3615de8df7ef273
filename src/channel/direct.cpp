#include "channel/direct.hpp"

#include "base/error.hpp"
#include "channel/channel.hpp"
#include "channel/put_paths.hpp"
#include "channel/templates.hpp"
#include "os/clock.hpp"
#include "os/connection.hpp"
#include "os/file.hpp"
#include "os/process.hpp"
#include "os/wait.hpp"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace carrel {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_said = 65536;  // on standard error, beside a stream

bool matches(std::string_view name, std::string_view pattern) {
  if (pattern.ends_with('*')) return name.starts_with(pattern.substr(0, pattern.size() - 1));
  return name == pattern;
}

Environment environment_of(Environment environment, const Command& command) {
  std::erase_if(environment, [&command](const auto& variable) {
    return std::ranges::any_of(command.without, [&variable](const std::string& pattern) {
      return matches(variable.first, pattern);
    });
  });
  auto added = substituted(command.templates, environment);
  added.insert(command.environment.begin(), command.environment.end());
  for (const auto& [name, value] : added) environment.insert_or_assign(name, value);
  return environment;
}

// Folders that are missing are made for this person alone; those that exist stay as they are.
Result<> make_missing(const fs::path& folder) {
  std::vector<fs::path> missing;
  std::error_code error;
  for (fs::path at = folder; at.has_relative_path() && !fs::exists(at, error);
       at = at.parent_path()) {
    missing.push_back(at);
  }
  for (auto at = missing.rbegin(); at != missing.rend(); ++at) TRY(make_private_folder(*at));
  return {};
}

// Local files are written in no time; between two of them is soon enough to stop.
Result<> check(const Wait& wait) {
  const bool stop = (wait.interrupt != nullptr && wait.interrupt->raised()) ||
                    (wait.deadline && SystemClock().now() >= *wait.deadline);
  return stop ? wait_for(-1, 0, wait) : Result<>{};
}

}  // namespace

Result<ProcessResult> DirectChannel::run(const Command& command, const Wait& wait) {
  ProcessSpec spec{.argv = command.argv,
                   .environment = environment_of(environment_, command),
                   .folder = command.folder,
                   .input = command.input,
                   .input_from = command.input_from,
                   .terminal = command.terminal,
                   .on_output = command.on_output,
                   .keep_output = command.keep_output};
  std::string error;
  if (command.on_bytes) {
    spec.on_bytes = [&](Stream stream, std::string_view bytes) {
      if (stream == Stream::output) return command.on_bytes(bytes);
      error += bytes.substr(0, most_said - std::min(error.size(), most_said));
      return true;
    };
  }
  auto result = TRY(processes_.run(spec, wait));
  if (command.on_bytes) result.error = std::move(error);
  return result;
}

Result<> DirectChannel::put(const fs::path& root, const std::vector<PutFile>& files,
                            const Wait& wait) {
  TRY(check_put(root, files));
  TRY(make_missing(root));
  for (const PutFile& file : files) {
    TRY(check(wait));
    const fs::path path = root / file.path;
    TRY(make_missing(path.parent_path()));
    TRY(write_file(path, file.bytes, file.mode));
  }
  return {};
}

Result<std::string> DirectChannel::get(const fs::path& path, const Wait& wait) {
  TRY(check(wait));
  return read_file(path);
}

Result<Endpoint> DirectChannel::forward(const fs::path& socket, const Wait& /*wait*/) {
  return Endpoint(socket);
}

}  // namespace carrel
