#include "files/copy.hpp"

#include "base/error.hpp"
#include "base/progress.hpp"
#include "channel/channel.hpp"
#include "files/meter.hpp"
#include "files/transfer.hpp"
#include "os/listing.hpp"
#include "os/wait.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace carrel {
namespace {

namespace fs = std::filesystem;

// One that ends with '/' is named by what is before it.
fs::path without_slash(const fs::path& path) {
  const auto normal = path.lexically_normal();
  return normal.has_filename() ? normal : normal.parent_path();
}

class Copy {
 public:
  Copy(Channel& here, Channel& there, const CopyRequest& request, std::string once)
      : here_(here), there_(there), request_(request), once_(std::move(once)) {}

  Result<CopyReport> all(Progress& progress, const Wait& wait) {
    const auto to = without_slash(request_.to);
    const bool into = TRY(target().is_folder(to, wait));
    if (!into && (request_.from.size() > 1 || !request_.to.has_filename())) {
      return fail({.what = fmt::format("there is no folder {}{}", to.string(), where(false)),
                   .hint = "make it first"});
    }
    for (const auto& path : request_.from) {
      const auto from = without_slash(path);
      TRY(one(from, into ? to / from.filename() : to, progress, wait));
    }
    return report_;
  }

 private:
  bool is_home() const { return request_.direction == Direction::home; }
  Channel& target() { return is_home() ? here_ : there_; }
  const char* where(bool source) const { return source == is_home() ? " on the machine" : ""; }

  Result<FileList> list(bool source, const fs::path& path, const Wait& wait) {
    if (source == is_home()) return list_there(there_, path, true, wait);
    const auto found = look_at(path);
    if (!found) return FileList{};
    FileList all;
    if (found->kind == FileKind::folder) {
      all = TRY(list_tree(path, [](const std::string&) { return false; }));
    }
    all.emplace("", *found);
    return all;
  }

  Result<> one(const fs::path& from, const fs::path& to, Progress& progress, const Wait& wait) {
    const auto source = TRY(list(true, from, wait));
    if (!source.contains("")) {
      return fail({.what = fmt::format("there is no file {}{}", from.string(), where(true)),
                   .reason = Reason::not_found});
    }
    if (!from.has_filename() || !to.has_filename()) {
      return fail({.what = fmt::format("{} cannot be copied as a whole", from.string())});
    }
    const auto there_now = TRY(list(false, to, wait));
    const auto moves = TRY(moves_of(source, there_now, from, to));
    const auto& here_folder = is_home() ? to.parent_path() : from.parent_path();
    const auto& there_folder = is_home() ? from.parent_path() : to.parent_path();
    const Ends ends{.here = here_,
                    .here_folder = here_folder,
                    .there = there_,
                    .there_folder = there_folder,
                    .once = once_,
                    .everything = true};
    Meter meter(moves, progress);
    for (const auto& batch : batches_of(moves)) {
      const auto arrived = TRY(is_home() ? fetch(ends, batch, meter.on_bytes(), wait)
                                         : send(ends, batch, meter.on_bytes(), wait));
      TRY(is_home() ? place_here(ends, batch, arrived) : place_there(ends, batch, arrived, wait));
      meter.batch_done(batch.size());
    }
    return {};
  }

  Result<std::vector<Move>> moves_of(const FileList& source, const FileList& there_now,
                                     const fs::path& from, const fs::path& to) {
    std::vector<Move> moves;
    for (const auto& [path, entry] : source) {
      const auto found = there_now.find(path);
      const bool is_there = found != there_now.end();
      if (is_there &&
          (found->second.kind == FileKind::folder) != (entry.kind == FileKind::folder)) {
        return fail(
            {.what = fmt::format("{} is {} folder{}, and what is copied to it is {}",
                                 (to / path).string(), entry.kind == FileKind::folder ? "no" : "a",
                                 where(false), entry.kind == FileKind::folder ? "one" : "none")});
      }
      const bool same = is_there && found->second == entry;
      if (entry.kind != FileKind::folder) {
        same ? ++report_.there_already : ++report_.files;
        if (!same) report_.bytes += entry.size;
      }
      if (same) continue;
      const auto below = path.empty() ? std::string() : "/" + path;
      moves.push_back({.from = from.filename().string() + below,
                       .to = to.filename().string() + below,
                       .kind = entry.kind,
                       .size = entry.size});
    }
    return moves;
  }

  Channel& here_;
  Channel& there_;
  const CopyRequest& request_;
  std::string once_;
  CopyReport report_;
};

}  // namespace

Result<CopyReport> copy_files(Channel& here, Channel& there, const CopyRequest& request,
                              const std::string& once, Progress& progress, const Wait& wait) {
  return Copy(here, there, request, once).all(progress, wait);
}

}  // namespace carrel
