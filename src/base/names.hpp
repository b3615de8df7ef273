// The two names of a workspace.
//
// WorkspaceId: 26 characters of Crockford base 32, a ULID (48 bits of milliseconds, 80 random
// bits), lower case: sorts by time, safe in paths, tags and comments. Never reused. WorkspaceName:
// what people type: letters, digits and '-', 1 to 40 characters, does not begin or end with '-'.
#pragma once

#include "base/error.hpp"

#include <array>
#include <chrono>
#include <compare>
#include <optional>
#include <string>
#include <string_view>

namespace carrel {

class WorkspaceId {
 public:
  // `random` gives at least 10 bytes.
  static WorkspaceId make(std::chrono::system_clock::time_point now, std::string_view random);
  static Result<WorkspaceId> parse(std::string_view text);
  std::string text() const { return {text_.begin(), text_.end()}; }
  // The random tail, 12 characters: for socket paths, which the kernel limits to 107 bytes.
  std::string short_text() const { return {text_.begin() + 14, text_.end()}; }
  // As views, which compare with memcmp(3); an array of char goes letter by letter.
  bool operator==(const WorkspaceId& other) const { return view() == other.view(); }
  auto operator<=>(const WorkspaceId& other) const { return view() <=> other.view(); }

 private:
  std::string_view view() const { return {text_.data(), text_.size()}; }
  using Text = std::array<char, 26>;  // in place: a listing of thousands holds each many times
  explicit WorkspaceId(const Text& text) : text_(text) {}
  Text text_;
};

class WorkspaceName {
 public:
  static Result<WorkspaceName> parse(std::string_view text);
  // The folder's (or any) name made valid: other characters become '-', runs are merged, ends
  // trimmed; "workspace" when nothing is left. Accents are not transliterated.
  static WorkspaceName from_folder(std::string_view folder_name);
  // name-2, name-3, ... within 40 characters.
  WorkspaceName numbered(int number) const;
  const std::string& text() const { return text_; }
  auto operator<=>(const WorkspaceName&) const = default;

 private:
  explicit WorkspaceName(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

}  // namespace carrel
