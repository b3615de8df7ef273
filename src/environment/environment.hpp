// From a folder's files to something a kernel can run in.
//
// Three steps, apart: `choose` (pure) says from the spec and the folder's files what is wanted, as
// a value; Environments makes it on a machine over its Channel; what comes out is a KernelSpec and
// where the workspace's own copy lies.
//
// A *template* is an environment made once from a spec: read-only, keyed by the digest of spec,
// lock and interpreter, made aside by uv and renamed when whole. A workspace gets its own *copy* by
// reflink or hard links, which it may change. An existing interpreter or virtual environment is
// used as it is and never changed; what it lacks of ipykernel lies in an *overlay* folder of
// Carrel's own that only the kernel's process sees.
#pragma once

#include "base/error.hpp"
#include "base/names.hpp"
#include "base/progress.hpp"
#include "channel/channel.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace carrel {

// The folder's files that say something about its environment: those that exist, name → content.
// Read by `read_folder_files` over the channel; at most 16 MB a file.
struct FolderFiles {
  std::filesystem::path folder;
  std::map<std::string, std::string> contents;
};

enum class EnvironmentKind {
  preset,           // minimal, pytorch, tensorflow, jax
  requirements,     // requirements.txt
  project,          // pyproject.toml without a lock
  uv_lock,          // uv.lock + pyproject.toml
  environment_yml,  // through micromamba or conda
  interpreter,      // an existing python or virtual environment
};

struct EnvironmentSpec {
  EnvironmentKind kind = EnvironmentKind::preset;
  std::string name;         // the preset, the file's name, or the interpreter's path
  std::string python;       // version constraint ("3.12", ">=3.11"), "" for any from 3.10 on
  std::string python_from;  // which file said so, for error messages
  std::map<std::string, std::string> files;  // what the build reads, name → content
  std::filesystem::path folder;
  std::string reason;  // for people: "requirements.txt in this folder", "nothing found: minimal"
  bool by_default = false;  // nothing was asked for, and the folder says nothing
};

// `requested`: the spec's `environment` key or flag; none: found in the folder, else minimal.
// Errors name the file (and line).
Result<EnvironmentSpec> choose_environment(const std::optional<std::string>& requested,
                                           const FolderFiles& files);

// What the kernel is: goes into data_dir/kernels/python3/kernel.json.
// The values of `environment` are templates, as jupyter_client reads them: ${NAME} is the starting
// process's variable, $$ is one $. PATH is "PREFIX/bin:UV:${PATH}". A kernelspec takes them as they
// are; `exec` gives them to Command::templates.
struct KernelCommand {
  std::vector<std::string> argv;  // with {connection_file}
  std::string display_name;
  Environment environment;  // for the kernel; also what `exec` and terminals add
};

struct PreparedEnvironment {
  KernelCommand kernel;
  std::filesystem::path prefix;  // the workspace's copy, or the person's own environment
  std::string python_version;    // 3.11.2
  std::string summary;    // for people: "minimal: numpy, matplotlib, scikit-learn; Python 3.11.2"
  std::string key;        // the template's, "" for an interpreter
  bool existing = false;  // the person's own: never changed
  std::string to_json() const;  // kept in the journal
  static Result<PreparedEnvironment> from_json(std::string_view json);
};

// Where things lie on the machine.
struct EnvironmentPaths {
  std::filesystem::path cache;           // templates/, uv/ (uv's cache): may be deleted at any time
  std::filesystem::path data;            // environments/ID/, overlays/, jupyter/KEY/, uv-VERSION/
  std::filesystem::path image = "/opt";  // where a machine's image keeps what it brings
};

struct CacheEntry {
  std::string what;  // "template", "uv cache", "uv", "Jupyter", "overlay", "left over"
  std::string name;  // for people
  std::filesystem::path path;
  std::uint64_t bytes = 0;
  std::vector<std::string> used_by;  // names of workspaces
  bool removable = false;
};

class Environments {
 public:
  Environments(Channel& channel, EnvironmentPaths paths)
      : channel_(channel), paths_(std::move(paths)) {}

  // Carrel's pinned uv in a private folder (at first use; said through progress.note
  // before it is done).
  Result<std::filesystem::path> uv(Progress& progress, const Wait& wait);
  // Carrel's own Jupyter, shared by all workspaces: the locked requirements and the carrel_server
  // package in one environment; its interpreter's path. Instant when it exists.
  Result<std::filesystem::path> jupyter(Progress& progress, const Wait& wait);
  // What the machine's image brings, in place of the preset of that name or of the default: AWS's
  // Deep Learning AMIs have their framework in /opt/pytorch or /opt/tensorflow. Else `spec` as it
  // is, also when it asks for a Python of its own.
  Result<EnvironmentSpec> of_image(EnvironmentSpec spec, const Wait& wait);
  // The workspace's environment. An existing copy made from the same key is kept as it is,
  // hand-made changes included; of another key (the spec changed): made anew, the old one kept
  // beside until the new one stands, and said. Two calls for one template: one builds, the other
  // waits and shows it.
  Result<PreparedEnvironment> prepare(const EnvironmentSpec& spec, const WorkspaceId& workspace,
                                      Progress& progress, const Wait& wait);
  // Packages in the workspace's copy that its template does not have, "name version" each.
  Result<std::vector<std::string>> added_by_hand(const PreparedEnvironment& environment,
                                                 const Wait& wait);
  Result<> remove(const WorkspaceId& workspace,
                  const Wait& wait);  // its copy and overlay; templates stay

  // `users`: template key → names of workspaces that use it.
  Result<std::vector<CacheEntry>> cache(
      const std::map<std::string, std::vector<std::string>>& users, const Wait& wait);
  Result<> prune(const std::vector<CacheEntry>& entries, const Wait& wait);

 private:
  Channel& channel_;
  EnvironmentPaths paths_;
};

// `requested`: as for choose_environment; a file that it names is read too. Files named by -r and
// -c lines come along.
Result<FolderFiles> read_folder_files(Channel& channel, const std::filesystem::path& folder,
                                      const Wait& wait,
                                      const std::optional<std::string>& requested = {});

}  // namespace carrel
