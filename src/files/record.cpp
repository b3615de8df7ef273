#include "files/record.hpp"

#include "base/error.hpp"
#include "base/number.hpp"
#include "base/text.hpp"
#include "files/names.hpp"
#include "os/listing.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace carrel {
namespace {

constexpr std::string_view heading = "carrel files 1";
constexpr std::string_view ending = "end";
constexpr std::size_t fields_of_head = 3;
constexpr std::size_t fields_of_file = 6;
constexpr std::size_t fields_of_find = 3;

std::optional<FileKind> kind_of(std::string_view letter) {
  if (letter == "f") return FileKind::file;
  if (letter == "l") return FileKind::link;
  if (letter == "d") return FileKind::folder;
  return std::nullopt;
}

char letter_of(FileKind kind) {
  return kind == FileKind::file ? 'f' : kind == FileKind::link ? 'l' : 'd';
}

// "1700000000.1234567890", find's ten digits; before 1970 with a minus sign.
std::optional<std::int64_t> nanoseconds(std::string_view text) {
  constexpr std::size_t digits = 9;
  const auto point = std::min(text.find('.'), text.size());
  const auto seconds = number_of<std::int64_t>(text.substr(0, point));
  std::string fraction(point < text.size() ? text.substr(point + 1) : std::string_view());
  fraction.resize(digits, '0');
  const auto rest = number_of<std::int64_t>(fraction);
  constexpr std::int64_t most = 9'000'000'000;
  if (!seconds || !rest || *rest < 0 || *seconds > most || *seconds < -most) return std::nullopt;
  return *seconds * 1'000'000'000 + *rest;
}

std::unexpected<Error> damaged() {
  return fail(
      {.what = "the record of what was last exchanged is damaged", .reason = Reason::corrupt});
}

}  // namespace

std::string record_text(const LastExchange& last) {
  std::string text;
  const auto add = [&text](std::string_view field) {
    text += field;
    text += '\0';
  };
  add(heading);
  add(last.machine);
  add(last.complete ? "complete" : "begun");
  for (const auto& [path, entry] : last.files) {
    add(std::string(1, letter_of(entry.kind)));
    add(fmt::format("{}", entry.size));
    add(fmt::format("{}", entry.mtime));
    add(entry.target);
    add(entry.digest);
    add(path);
  }
  add(ending);
  return text;
}

Result<LastExchange> parse_record(std::string_view text) {
  const auto fields = split(text, '\0');  // the last one is empty
  if (fields.size() < fields_of_head + 2 || fields.front() != heading ||
      fields[fields.size() - 2] != ending || !fields.back().empty() ||
      (fields.size() - 2 - fields_of_head) % fields_of_file != 0) {
    return damaged();
  }
  LastExchange last{.machine = fields[1], .complete = fields[2] == "complete", .files = {}};
  for (auto at = fields_of_head; at + 2 < fields.size(); at += fields_of_file) {
    const auto kind = kind_of(fields[at]);
    const auto size = number_of<std::uint64_t>(fields[at + 1]);
    const auto mtime = number_of<std::int64_t>(fields[at + 2]);
    if (!kind || !size || !mtime || !is_inside(fields[at + 5])) return damaged();
    last.files[fields[at + 5]] = {.kind = *kind,
                                  .size = *size,
                                  .mtime = *mtime,
                                  .target = fields[at + 3],
                                  .digest = fields[at + 4]};
  }
  return last;
}

Result<FileList> read_find(std::string_view text) {
  const auto fields = split(text, '\0');
  if (fields.size() % fields_of_find != 1 || !fields.back().empty()) {
    return fail({.what = "the machine's list of files is not whole"});
  }
  FileList list;
  for (std::size_t at = 0; at + 1 < fields.size(); at += fields_of_find) {
    const auto words = split(fields[at], ' ');
    const auto& path = fields[at + 1];
    if (words.size() != 3) return fail({.what = "the machine's list of files is no list"});
    const auto kind = kind_of(words[0]);
    const auto size = number_of<std::uint64_t>(words[1]);
    const auto mtime = nanoseconds(words[2]);
    if (!kind || !size || !mtime || (!path.empty() && !is_inside(path))) continue;
    FileEntry entry{.kind = *kind};
    if (*kind == FileKind::file) {
      entry.size = *size;
      entry.mtime = *mtime;
    } else if (*kind == FileKind::link) {
      entry.target = fields[at + 2];
    }
    list[path] = std::move(entry);
  }
  return list;
}

}  // namespace carrel
