// Starting: the program found, the descriptors laid out, the errors told apart.
#include "base/error.hpp"
#include "base/text.hpp"
#include "os/companion.hpp"
#include "os/detail.hpp"
#include "os/file.hpp"
#include "os/process.hpp"
#include "os/process_detail.hpp"

#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <optional>
#include <signal.h>
#include <spawn.h>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <sys/types.h>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace carrel {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view usual_path = "/usr/local/bin:/usr/bin:/bin";

bool is_file(const fs::path& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

bool is_program(const fs::path& path) {
  return is_file(path) && ::access(path.c_str(), X_OK) == 0;
}

std::vector<fs::path> places_of(std::string_view name, const Environment& environment) {
  if (name.contains('/')) return {fs::path(name)};
  const auto path = environment.find("PATH");
  std::vector<fs::path> places;
  for (const std::string& folder :
       split(path == environment.end() ? usual_path : std::string_view(path->second), ':')) {
    if (folder.starts_with('/')) places.push_back(fs::path(folder) / name);
  }
  return places;
}

// In the child's folder, where a relative name starts.
fs::path seen_by_child(const fs::path& program, const ProcessSpec& spec) {
  return spec.folder ? *spec.folder / program : program;
}

Error cannot_start(std::string_view name, std::string why, std::string hint, Reason reason) {
  return {.what = fmt::format("cannot start {}", printable(name)),
          .why = std::move(why),
          .hint = std::move(hint),
          .reason = reason,
          .trace = {}};
}

Result<fs::path> located(const ProcessSpec& spec) {
  const std::string& name = spec.argv.front();
  std::optional<fs::path> forbidden;
  for (const fs::path& place : places_of(name, spec.environment)) {
    if (is_program(seen_by_child(place, spec))) return place;
    if (!forbidden && is_file(seen_by_child(place, spec))) forbidden = place;
  }
  if (forbidden) {
    return fail(cannot_start(name, forbidden->string() + " is not executable",
                             "chmod +x " + shell_quoted(forbidden->string()), Reason::refused));
  }
  if (name.contains('/')) {
    return fail(cannot_start(name, "there is no such program", {}, Reason::not_found));
  }
  return fail(cannot_start(name, "there is no such program on the PATH",
                           fmt::format("install {}, or add its folder to PATH", printable(name)),
                           Reason::not_found));
}

Error spawn_error(const fs::path& program, int number) {
  const std::string name = program.string();
  switch (number) {
    case ENOENT:  // the file itself has been seen
      return cannot_start(
          name, "the interpreter that it names does not exist",
          "look at its first line; an environment that was moved must be made again",
          Reason::not_found);
    case ENOEXEC:
      return cannot_start(name, "it is no program for this computer",
                          "it may be meant for another processor, or be a script without #!",
                          Reason::refused);
    case EACCES:
    case EPERM:
      return cannot_start(name, "the system does not allow it to run",
                          "its file system may be mounted noexec", Reason::refused);
    default:
      return system_error("cannot start " + name, number);
  }
}

Result<> check(const ProcessSpec& spec) {
  if (spec.argv.empty() || spec.argv.front().empty()) {
    return fail(cannot_start("a program", "it has no name", {}, Reason::other));
  }
  const std::string& name = spec.argv.front();
  for (const std::string& word : spec.argv) {
    if (word.contains('\0')) {
      return fail(cannot_start(name, "an argument contains a zero byte", {}, Reason::other));
    }
  }
  for (const auto& [key, value] : spec.environment) {
    if (key.empty() || key.contains('=') || key.contains('\0') || value.contains('\0')) {
      return fail(cannot_start(name, "the variable \"" + printable(key) + "\" cannot be passed on",
                               {}, Reason::other));
    }
  }
  std::error_code error;
  if (spec.folder && !fs::is_directory(*spec.folder, error)) {
    return fail(
        cannot_start(name, "there is no folder " + spec.folder->string(), {}, Reason::other));
  }
  return {};
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> list;
  list.reserve(words.size() + 1);
  for (std::string& word : words) list.push_back(word.data());
  list.push_back(nullptr);
  return list;
}

class Actions {
 public:
  Actions() { posix_spawn_file_actions_init(&actions_); }
  ~Actions() { posix_spawn_file_actions_destroy(&actions_); }
  Actions(const Actions&) = delete;
  Actions& operator=(const Actions&) = delete;
  Actions(Actions&&) = delete;
  Actions& operator=(Actions&&) = delete;
  posix_spawn_file_actions_t* get() { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
};

class Attributes {
 public:
  Attributes() { posix_spawnattr_init(&attributes_); }
  ~Attributes() { posix_spawnattr_destroy(&attributes_); }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
  Attributes(Attributes&&) = delete;
  Attributes& operator=(Attributes&&) = delete;
  posix_spawnattr_t* get() { return &attributes_; }

  // Signals as after login, whatever this program catches, ignores or blocks. `own`:
  // POSIX_SPAWN_SETPGROUP, POSIX_SPAWN_SETSID or neither.
  void set(short own) {
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attributes_, &none);
    sigset_t all;
    sigfillset(&all);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    posix_spawnattr_setpgroup(&attributes_, 0);
    const int flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | own;
    posix_spawnattr_setflags(&attributes_, static_cast<short>(flags));
  }

 private:
  posix_spawnattr_t attributes_{};
};

Result<pid_t> spawn(const fs::path& program, const ProcessSpec& spec, Actions& actions,
                    Attributes& attributes) {
  std::vector<std::string> argv = spec.argv;
  std::vector<std::string> variables;
  for (const auto& [key, value] : spec.environment)
    variables.push_back(fmt::format("{}={}", key, value));
  pid_t pid = 0;
  const int number = ::posix_spawn(&pid, program.c_str(), actions.get(), attributes.get(),
                                   pointers(argv).data(), pointers(variables).data());
  if (number != 0) return fail(spawn_error(program, number));
  return pid;
}

}  // namespace

Result<Child> spawn(const ProcessSpec& spec) {
  TRY(check(spec));
  const fs::path program = TRY(located(spec));
  Child child;
  Actions actions;
  Pipe input;
  Pipe output;
  Pipe error;
  if (!spec.terminal) {
    if (spec.input.empty() && spec.input_from < 0) {
      posix_spawn_file_actions_addopen(actions.get(), 0, "/dev/null", O_RDONLY, 0);
    } else {
      input = TRY(make_pipe());
      posix_spawn_file_actions_adddup2(actions.get(), input.read_end.get(), 0);
    }
    output = TRY(make_pipe());
    error = TRY(make_pipe());
    posix_spawn_file_actions_adddup2(actions.get(), output.write_end.get(), 1);
    posix_spawn_file_actions_adddup2(actions.get(), error.write_end.get(), 2);
    // also what a library or our parent left open without close-on-exec
    posix_spawn_file_actions_addclosefrom_np(actions.get(), 3);
  }
  if (spec.folder) posix_spawn_file_actions_addchdir_np(actions.get(), spec.folder->c_str());
  Attributes attributes;
  attributes.set(spec.terminal ? 0 : POSIX_SPAWN_SETPGROUP);
  child.pid = TRY(spawn(program, spec, actions, attributes));
  for (Pipe* pipe : {&output, &error}) {
    if (pipe->read_end) ::fcntl(pipe->read_end.get(), F_SETFL, O_NONBLOCK);
  }
  if (input.write_end) ::fcntl(input.write_end.get(), F_SETFL, O_NONBLOCK);
  child.input = std::move(input.write_end);
  child.output = std::move(output.read_end);
  child.error = std::move(error.read_end);
  return child;
}

Result<pid_t> start_apart(const ProcessSpec& spec, const fs::path& log) {
  TRY(check(spec));
  const fs::path program = TRY(located(spec));
  const Descriptor file(
      ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) return fail(system_error("cannot write " + log.string(), errno));
  Actions actions;
  posix_spawn_file_actions_addopen(actions.get(), 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(actions.get(), file.get(), 1);
  posix_spawn_file_actions_adddup2(actions.get(), file.get(), 2);
  posix_spawn_file_actions_addclosefrom_np(actions.get(), 3);
  posix_spawn_file_actions_addchdir_np(actions.get(), "/");
  Attributes attributes;
  attributes.set(POSIX_SPAWN_SETSID);
  return spawn(program, spec, actions, attributes);
}

std::optional<fs::path> find_program(std::string_view name, const Environment& environment) {
  if (name.empty()) return std::nullopt;
  for (fs::path& place : places_of(name, environment)) {
    if (is_program(place)) return std::move(place);
  }
  return std::nullopt;
}

}  // namespace carrel
