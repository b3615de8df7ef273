#include "files/exchange.hpp"

#include "base/error.hpp"
#include "base/progress.hpp"
#include "channel/channel.hpp"
#include "files/changes.hpp"
#include "files/ignore.hpp"
#include "files/meter.hpp"
#include "files/names.hpp"
#include "files/pushed.hpp"
#include "files/record.hpp"
#include "files/transfer.hpp"
#include "os/file.hpp"
#include "os/listing.hpp"
#include "os/wait.hpp"

#include <algorithm>
#include <expected>
#include <filesystem>
#include <iterator>
#include <optional>
#include <set>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace carrel {
namespace {

namespace fs = std::filesystem;

Result<FileList> list_here(const IgnoreRules& rules, const fs::path& folder, const Wait& wait) {
  const auto left_out = TRY(rules.left_out(wait));
  return list_tree(folder, [&](const std::string& path) {
    return is_never_exchanged(path) || left_out.contains(path);
  });
}

bool looks_the_same(const FileList& list, const std::string& path,
                    const std::optional<FileEntry>& now) {
  const auto found = list.find(path);
  if (found == list.end() || !now) return found == list.end() && !now;
  const auto& then = found->second;
  return then.kind == now->kind && then.size == now->size && then.mtime == now->mtime &&
         then.target == now->target;
}

std::optional<FileEntry> entry_of(const FileList& list, const std::string& path) {
  const auto found = list.find(path);
  return found == list.end() ? std::nullopt : std::optional(found->second);
}

std::vector<Move> moves_of(const std::vector<std::string>& paths, const FileList& from) {
  std::vector<Move> moves;
  for (const auto& path : paths) {
    const auto& entry = from.at(path);
    moves.push_back({.from = path, .to = path, .kind = entry.kind, .size = entry.size});
  }
  return moves;
}

void count(ExchangeReport& report, const std::vector<Move>& moves) {
  for (const auto& move : moves) {
    if (move.kind == FileKind::folder) continue;
    ++report.files;
    report.bytes += move.size;
  }
}

}  // namespace

Result<std::optional<LastExchange>> read_record(const ExchangeRecord& record) {
  const auto text = read_file(record.file);
  if (!text && text.error().reason == Reason::not_found) return std::nullopt;
  if (!text) return std::unexpected(text.error());
  auto last = TRY(parse_record(*text));
  if (last.machine != record.machine) return std::nullopt;
  return last;
}

Result<FolderSize> size_to_send(Channel& here, const fs::path& folder, const fs::path& scratch,
                                const Wait& wait) {
  const auto rules = TRY(IgnoreRules::of(here, folder, scratch, wait));
  FolderSize size;
  for (const auto& [path, entry] : TRY(list_here(rules, folder, wait))) {
    if (entry.kind == FileKind::folder) continue;
    ++size.files;
    size.bytes += entry.size;
  }
  return size;
}

Result<Exchange> Exchange::open(Ends ends, ExchangeRecord record, Progress& progress,
                                const Wait& wait) {
  auto known = read_record(record);
  if (!known && known.error().reason != Reason::corrupt) {
    return std::unexpected(std::move(known).error());
  }
  if (!known) {
    progress.note(fmt::format("{}: {}; both sides are compared anew", known.error().what,
                              record.file.string()));
  }
  LastExchange base{.machine = record.machine, .complete = false, .files = {}};
  if (known && *known) base = std::move(**known);
  Exchange exchange(std::move(ends), std::move(record), std::move(base));
  TRY(exchange.look(wait));
  return exchange;
}

Result<> Exchange::look(const Wait& wait) {
  const auto rules = TRY(IgnoreRules::of(ends_.here, ends_.here_folder, record_.scratch, wait));
  here_ = TRY(list_here(rules, ends_.here_folder, wait));
  auto all = TRY(list_there(ends_.there, ends_.there_folder / "", false, wait));
  all.erase("");
  std::erase_if(all, [](const auto& file) { return is_never_exchanged(file.first); });
  std::vector<std::string> unknown;
  for (const auto& [path, entry] : all) {
    if (here_.contains(path)) continue;
    unknown.push_back(entry.kind == FileKind::folder ? path + "/" : path);
  }
  const auto left_out = TRY(rules.left_out_of(unknown, wait));
  for (auto& [path, entry] : all) {
    if (!left_out.contains(path)) {
      there_.emplace(path, std::move(entry));
    } else if (entry.kind != FileKind::folder && !looks_the_same(base_.files, path, entry)) {
      left_out_there_.emplace(path, std::move(entry));
    }
  }
  const auto open = to_hash(base_.files, here_, there_);
  for (auto& [path, digest] : TRY(digests(ends_.here, ends_.here_folder, open.here, wait))) {
    if (const auto found = here_.find(path); found != here_.end()) found->second.digest = digest;
  }
  for (auto& [path, digest] : TRY(digests(ends_.there, ends_.there_folder, open.there, wait))) {
    if (const auto found = there_.find(path); found != there_.end()) found->second.digest = digest;
  }
  return {};
}

Result<> Exchange::save() const {
  TRY(make_private_folder(record_.file.parent_path()));
  return write_file(record_.file, record_text(base_), 0600);
}

Result<> Exchange::complete() {
  base_.complete = true;
  return save();
}

// What needs no transfer to be known.
Result<> Exchange::learn(const Changes& changes) {
  for (const auto& path : changes.agreed) base_.files[path] = there_.at(path);
  std::erase_if(base_.files, [&](const auto& file) {
    return !here_.contains(file.first) && !there_.contains(file.first);
  });
  return save();
}

// What has arrived is what both sides have now, as it arrived. A digest is taken of what is here
// still as it was.
Result<> Exchange::settle(const std::vector<Move>& moves, const Arrived& arrived,
                          const Wait& wait) {
  std::vector<std::string> unchanged;
  const auto is_as_arrived = [&](const std::string& here, const FileEntry& entry) {
    const auto now = look_at(ends_.here_folder / here);
    return now && now->kind == FileKind::file && now->size == entry.size &&
           now->mtime == entry.mtime;
  };
  for (const auto& move : moves) {
    const auto found = arrived.files.find(move.from);
    if (move.kind == FileKind::folder) {
      base_.files[move.from] = {.kind = FileKind::folder};
    } else if (found != arrived.files.end()) {
      base_.files[move.from] = found->second;
      if (is_as_arrived(move.to, found->second)) unchanged.push_back(move.to);
    }
  }
  const auto known = TRY(digests(ends_.here, ends_.here_folder, unchanged, wait));
  for (const auto& move : moves) {
    const auto digest = known.find(move.to);
    if (digest == known.end() || !is_as_arrived(move.to, base_.files[move.from])) continue;
    base_.files[move.from].digest = digest->second;
  }
  return save();
}

Result<ExchangeReport> Exchange::push(Force force, Progress& progress, const Wait& wait) {
  const auto changes = changes_between(base_.files, here_, there_);
  ExchangeReport report{.deleted_here = changes.deleted_from, .deleted_there = changes.deleted_to};
  auto paths = changes.move;
  for (const auto& path : changes.both) {
    const auto there = entry_of(there_, path);
    const bool can = force == Force::yes && there && there->kind != FileKind::folder;
    (can ? paths : report.refused).push_back(path);
  }
  TRY(learn(changes));
  const auto moves = moves_of(paths, here_);
  Meter meter(moves, progress);
  for (const auto& batch : batches_of(moves)) {
    const auto arrived = TRY(send(ends_, batch, meter.on_bytes(), wait));
    std::vector<Move> kept;
    for (const auto& move : batch) {
      const bool same = looks_the_same(there_, move.to, entry_of(arrived.rest, move.to));
      if (same || force == Force::yes) {
        kept.push_back(move);
      } else if (move.kind != FileKind::folder) {
        report.refused.push_back(move.to);
      }
    }
    TRY(place_there(ends_, kept, arrived, wait));
    TRY(settle(kept, arrived, wait));
    count(report, kept);
    meter.batch_done(batch.size());
  }
  return report;
}

Result<ExchangeReport> Exchange::pull(Progress& progress, const Wait& wait) {
  const auto changes = changes_between(base_.files, there_, here_);
  ExchangeReport report{.deleted_here = changes.deleted_to,
                        .deleted_there = changes.deleted_from,
                        .left_out = left_out_there_.size()};
  TRY(learn(changes));
  auto paths = changes.move;
  std::ranges::copy(changes.both, std::back_inserter(paths));
  const std::set<std::string> both(changes.both.begin(), changes.both.end());
  const auto kind_here = [&](const std::string& path) -> std::optional<FileKind> {
    std::error_code error;
    const auto found = look_at(ends_.here_folder / path);
    if (found) return found->kind;
    // a pipe or a device is in the way like a file
    const bool is_there = fs::exists(fs::symlink_status(ends_.here_folder / path, error));
    return is_there ? std::optional(FileKind::file) : std::nullopt;
  };
  const auto moves = moves_of(paths, there_);
  Meter meter(moves, progress);
  for (auto& batch : batches_of(moves)) {
    const auto arrived = TRY(fetch(ends_, batch, meter.on_bytes(), wait));
    for (auto& move : batch) {
      const bool same = looks_the_same(here_, move.to, look_at(ends_.here_folder / move.to));
      const bool in_the_way = !here_.contains(move.to) && kind_here(move.to);
      if (move.kind == FileKind::folder) continue;
      if (same && !in_the_way && !both.contains(move.to)) continue;
      move.to = name_beside(kind_here, move.from);
      report.beside.emplace_back(move.from, move.to);
    }
    TRY(place_here(ends_, batch, arrived));
    TRY(settle(batch, arrived, wait));
    count(report, batch);
    meter.batch_done(batch.size());
  }
  return report;
}

Result<Unsaved> Exchange::unsaved(const Wait& wait) const {
  auto changes = changes_between(base_.files, there_, here_);
  std::ranges::copy(changes.both, std::back_inserter(changes.move));
  FileList changed;
  for (const auto& path : changes.move) {
    if (const auto& entry = there_.at(path); entry.kind != FileKind::folder) {
      changed.emplace(path, entry);
    }
  }
  auto all = changed;
  all.insert(left_out_there_.begin(), left_out_there_.end());
  const auto pushed = TRY(pushed_files(ends_.there, ends_.there_folder, all, wait));
  Unsaved unsaved;
  for (const auto& [path, entry] : all) {
    if (pushed.contains(path)) continue;
    (changed.contains(path) ? unsaved.changed : unsaved.left_out).push_back(path);
  }
  return unsaved;
}

}  // namespace carrel
