#include "files/transfer.hpp"

#include "base/error.hpp"
#include "base/text.hpp"
#include "channel/channel.hpp"
#include "channel/stream.hpp"
#include "files/names.hpp"
#include "files/record.hpp"
#include "os/file.hpp"
#include "os/listing.hpp"
#include "os/process.hpp"
#include "os/wait.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace carrel {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t most_bytes_at_once = 64'000'000;
constexpr std::size_t most_files_at_once = 2000;

std::string stage_name(const Ends& ends) {
  return std::string(incoming) + ends.once;
}

std::string find_words(bool everything) {
  return fmt::format(
      R"(find . {} \( -type f -o -type l -o -type d \) -printf '%y %s %T@\0%P\0%l\0')",
      everything ? "" : fmt::format(R"(\( {} \) -prune -o)", never_exchanged_for_find()));
}

Command packing(const fs::path& folder, const std::vector<Move>& batch) {
  Command command{.argv = {"tar", "-c", "--format=pax", "--no-recursion", "--null", "--no-unquote",
                           "-T", "-", "-f", "-"},
                  .environment = {{"LC_ALL", "C"}},
                  .folder = folder};
  for (const auto& move : batch) {
    if (move.kind != FileKind::folder) command.input += "./" + move.from + '\0';
  }
  return command;
}

// Owners and rights of the other computer are not taken over, beyond what the umask allows.
constexpr std::string_view unpack = "tar -x --no-same-owner --no-same-permissions -f - -C";

Command unpacking(const fs::path& folder, const std::string& stage, std::string_view then) {
  return {.argv = {"sh", "-c",
                   fmt::format("mkdir -p -- \"$1\" && cd -- \"$1\" && rm -rf -- \"./$2\" && "
                               "mkdir -m 700 -- \"./$2\" && {} \"./$2\" || exit\n{}",
                               unpack, then),
                   "sh", folder.string(), stage},
          .environment = {{"LC_ALL", "C"}}};
}

Error failed(std::string what, std::string_view words) {
  return {.what = std::move(what), .why = printable(trimmed(last_lines(words, 5)))};
}

// tar's 1: a file changed or went while it was read. What came is looked at, and the next exchange
// sees what is missing.
Result<ProcessResult> judged(const Result<Streamed>& ended, const fs::path& from,
                             const fs::path& to) {
  if (!ended) return fail(ended.error());
  const auto& streamed = *ended;
  if (streamed.sink.status != 0) {
    return fail(failed(fmt::format("the files cannot be written into {}", to.string()),
                       streamed.sink.error));
  }
  if (streamed.source.status > 1) {
    return fail(failed(fmt::format("the files of {} cannot be read", from.string()),
                       streamed.source.error));
  }
  return streamed.sink;
}

bool is_movable(const FileList& arrived, const Move& move) {
  const auto found = arrived.find(move.from);
  return found != arrived.end() && found->second.kind != FileKind::folder;
}

std::string parent_of(const std::string& path) {
  return fs::path(path).parent_path().string();
}

std::string name_of(const std::string& path) {
  return fs::path(path).filename().string();
}

// Not through a link: a folder that is one here is the person's way out of this folder.
Result<> make_folders(const fs::path& root, const std::string& path) {
  if (path.empty()) return {};
  auto at = root;
  for (const auto& name : split(path, '/')) {
    at /= name;
    const auto found = look_at(at);
    if (found && found->kind == FileKind::folder) continue;
    if (found) return fail({.what = fmt::format("{} is no folder", at.string())});
    std::error_code error;
    fs::create_directory(at, error);
    if (error) return fail(system_error("cannot make " + at.string(), error.value()));
  }
  return {};
}

}  // namespace

std::vector<std::vector<Move>> batches_of(const std::vector<Move>& moves) {
  std::vector<std::vector<Move>> batches;
  std::uint64_t bytes = 0;
  for (const auto& move : moves) {
    const bool full = !batches.empty() && (bytes + move.size > most_bytes_at_once ||
                                           batches.back().size() >= most_files_at_once);
    if (batches.empty() || full) {
      batches.emplace_back();
      bytes = 0;
    }
    batches.back().push_back(move);
    bytes += move.size;
  }
  return batches;
}

Result<FileList> list_there(Channel& there, const fs::path& path, bool everything,
                            const Wait& wait) {
  const auto prune = everything ? std::string()
                                : fmt::format(R"(\( {} -o -name '{}*' \) -prune -o)",
                                              never_exchanged_for_find(), incoming);
  const auto script = fmt::format(
      "[ -e \"$1\" ] || [ -L \"$1\" ] || exit 0\n"
      "find \"$1\" {} \\( -type f -o -type l -o -type d \\) -printf '%y %s %T@\\0%P\\0%l\\0'",
      prune);
  const auto ran = TRY(there.run(
      {.argv = {"sh", "-c", script, "sh", path.string()}, .environment = {{"LC_ALL", "C"}}}, wait));
  if (ran.status != 0) {
    return fail(failed(
        fmt::format("the files of {} on the machine cannot be listed", path.string()), ran.error));
  }
  return read_find(ran.output);
}

Result<std::map<std::string, std::string>> digests(Channel& channel, const fs::path& folder,
                                                   const std::vector<std::string>& paths,
                                                   const Wait& wait) {
  std::map<std::string, std::string> found;
  if (paths.empty()) return found;
  Command command{.argv = {"xargs", "-0", "sha256sum", "-z", "--"},
                  .environment = {{"LC_ALL", "C"}},
                  .folder = folder};
  for (const auto& path : paths) command.input += "./" + path + '\0';
  constexpr std::size_t digits = 64;
  constexpr std::size_t before_path = digits + 4;  // "DIGEST  ./"
  for (const auto& line : split(TRY(channel.run(command, wait)).output, '\0')) {
    if (line.size() > before_path) found[line.substr(before_path)] = line.substr(0, digits);
  }
  return found;
}

Result<Arrived> send(const Ends& ends, const std::vector<Move>& batch, const OnBytes& on_bytes,
                     const Wait& wait) {
  const auto stage = stage_name(ends);
  const auto streamed =
      stream(ends.here, packing(ends.here_folder, batch), ends.there,
             unpacking(ends.there_folder, stage, find_words(ends.everything)), on_bytes, wait);
  const auto ran = TRY(judged(streamed, ends.here_folder, ends.there_folder));
  Arrived arrived;
  for (auto& [path, entry] : TRY(read_find(ran.output))) {
    if (path.starts_with(stage + "/")) {
      arrived.files.emplace(path.substr(stage.size() + 1), entry);
    } else if (!path.empty() && path != stage) {
      arrived.rest.emplace(path, entry);
    }
  }
  return arrived;
}

Result<Arrived> fetch(const Ends& ends, const std::vector<Move>& batch, const OnBytes& on_bytes,
                      const Wait& wait) {
  const auto stage = stage_name(ends);
  const auto streamed = stream(ends.there, packing(ends.there_folder, batch), ends.here,
                               unpacking(ends.here_folder, stage, ""), on_bytes, wait);
  if (auto ran = judged(streamed, ends.there_folder, ends.here_folder); !ran) {
    (void)remove_tree(ends.here_folder / stage);
    return fail(std::move(ran).error());
  }
  return Arrived{
      .files = TRY(list_tree(ends.here_folder / stage, [](const std::string&) { return false; })),
      .rest = {}};
}

// One `mv` for the files of a folder that keep their names, one for each other.
Result<> place_there(const Ends& ends, const std::vector<Move>& batch, const Arrived& arrived,
                     const Wait& wait) {
  const auto stage = ends.there_folder / stage_name(ends);
  std::set<std::string> folders;
  std::map<std::pair<std::string, std::string>, std::string> together;
  std::string alone;
  for (const auto& move : batch) {
    if (move.kind == FileKind::folder) {
      folders.insert(move.to);
    } else if (is_movable(arrived.files, move)) {
      folders.insert(parent_of(move.to));
      const auto name = shell_quoted("./" + name_of(move.from));
      const auto from = parent_of(move.from);
      if (name_of(move.from) == name_of(move.to)) {
        together[{from, parent_of(move.to)}] += " " + name;
      } else {
        alone +=
            fmt::format("mv -fT -- {} {} || exit\n", shell_quoted((stage / move.from).string()),
                        shell_quoted((ends.there_folder / move.to).string()));
      }
    }
  }
  Command command{.argv = {"sh"}, .environment = {{"LC_ALL", "C"}}};
  command.input = "mkdir -p --";
  for (const auto& folder : folders) {
    command.input += " " + shell_quoted((ends.there_folder / folder).string());
  }
  command.input += " " + shell_quoted(ends.there_folder.string()) + " || exit\n";
  for (const auto& [places, names] : together) {
    command.input += fmt::format("cd -- {} && mv -f --{} {}/ || exit\n",
                                 shell_quoted((stage / places.first).string()), names,
                                 shell_quoted((ends.there_folder / places.second).string()));
  }
  command.input += fmt::format("{}cd / && rm -rf -- {}\n", alone, shell_quoted(stage.string()));
  const auto ran = TRY(ends.there.run(command, wait));
  if (ran.status == 0) return {};
  return fail(failed(
      fmt::format("the files cannot be put into {} on the machine", ends.there_folder.string()),
      ran.error));
}

Result<> place_here(const Ends& ends, const std::vector<Move>& batch, const Arrived& arrived) {
  const auto stage = ends.here_folder / stage_name(ends);
  for (const auto& move : batch) {
    if (move.kind == FileKind::folder) {
      TRY(make_folders(ends.here_folder, move.to));
    } else if (is_movable(arrived.files, move)) {
      TRY(make_folders(ends.here_folder, parent_of(move.to)));
      std::error_code error;
      fs::rename(stage / move.from, ends.here_folder / move.to, error);
      if (error) {
        return fail(
            system_error("cannot write " + (ends.here_folder / move.to).string(), error.value()));
      }
    }
  }
  return remove_tree(stage);
}

}  // namespace carrel
