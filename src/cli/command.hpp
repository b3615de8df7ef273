// A command as a value: what it is called, what it takes, what it says about itself, what it does.
// main.cpp has the table of them. Help, the man page, docs/reference/NAME.md and the shells'
// completions are made from these values and nothing else.
//
// Nothing in cli/ decides: a command asks `Workspaces` and shows the answer. Results go to standard
// output, progress, questions and errors to standard error.
#pragma once

#include "base/error.hpp"
#include "channel/channel.hpp"
#include "keeper/client.hpp"
#include "os/clock.hpp"
#include "os/http.hpp"
#include "os/process.hpp"
#include "os/random.hpp"
#include "os/terminal.hpp"
#include "os/wait.hpp"
#include "workspace/paths.hpp"
#include "workspace/provider.hpp"
#include "workspace/workspaces.hpp"

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace carrel::cli {

// Everything outside the program, made once by main. References live as long as main does.
struct World {
  Clock& clock;
  Random& random;
  Processes& processes;
  Http& http;
  Channel& here;  // to this computer
  Terminal& terminal;
  Interrupt& interrupt;
  Environment environment;
  std::filesystem::path folder;  // the current one, absolute
  std::string program;           // this one's path, for processes that start it
  unsigned user = 0;
  std::vector<std::string> provider_names;
  // Made when a command needs them, anew for each thread that does.
  std::function<Providers(const WorkspacePaths&)> providers;
  std::function<PortKeeper&(const WorkspacePaths&)> keeper;
};

// What a shell offers for a word, besides `choices`.
enum class Offers { nothing, folders, files, notebooks, workspaces, providers, commands };

struct Argument {
  std::string name;  // as help shows it: "NAME"
  std::string help;
  bool required = false;
  bool many = false;
  Offers offers = Offers::nothing;
  std::vector<std::string> choices = {};
};

struct Option {
  std::string name;         // "--json"
  std::string letter = {};  // "-f", "" for none
  std::string value = {};   // "" for a flag, else what its value is called: "PORT"
  std::string help;
  Offers offers = Offers::nothing;
  std::vector<std::string> choices = {};  // offered by completion; others may be right too
  bool hidden = false;                    // from help and completion
};

// What was written on the command line.
struct Given {
  std::map<std::string, std::string, std::less<>> options;  // by name; a flag has ""
  std::map<std::string, std::vector<std::string>, std::less<>> arguments;
  std::vector<std::string> rest;  // after "--"

  bool has(std::string_view option) const { return options.contains(option); }
  std::optional<std::string> value(std::string_view option) const;
  std::vector<std::string> all(std::string_view argument) const;
  std::string one(std::string_view argument) const;  // "" when it was not given
};

struct CommandContext;

struct Command {
  std::string name;
  std::string group;    // its heading in the short help
  std::string summary;  // one line, no full stop
  std::vector<Argument> arguments = {};
  std::vector<Option> options = {};
  std::string rest = {};  // what follows "--", "" when nothing may; "[...]": something may
  // Paragraphs apart by an empty line; lines that begin with four spaces are shown as they are; `x`
  // is something to type.
  std::string text = {};
  // The program's exit status, or what went wrong.
  std::function<Result<int>(CommandContext&)> run;
  bool hidden = false;
};

struct CommandContext {
  const World& world;
  const Given& given;
  const std::vector<Command>& commands;

  bool json() const { return given.has("--json"); }
  Wait wait() const { return {.deadline = std::nullopt, .interrupt = &world.interrupt}; }
  Result<WorkspacePaths> paths() const {
    return WorkspacePaths::from(world.environment, world.user);
  }
  Result<Workspaces> workspaces() const;
  std::string variable(std::string_view name) const;  // of the environment, "" when unset
};

// Options that many commands share.
Option json_option();
Option yes_option(std::string help);
Option all_option();
Argument workspaces_argument();
Argument workspace_argument();

inline int status_of(Exit exit) {
  return static_cast<int>(exit);
}

}  // namespace carrel::cli
