// What is run on a machine, as values: each function makes one POSIX sh script from its inputs,
// nothing else. Every value stands quoted in an assignment at the top; the bodies never change.
//
// All scripts begin with a prelude that takes away what the person's shell would impose on the work
// (an active conda or virtual environment and its folders on PATH, PYTHON*, UV_* and PIP_* options)
// and keeps how they reach the network (indexes, proxies, certificates). Writing scripts hold an
// flock for their whole life (their children too: a uv that outlives its script keeps it), work in
// a folder aside and rename when whole. What a killed one left is removed by the next.
//
// Protocol: lines "@name value" on standard output are for Carrel, all others and standard error
// for people. Exit status 75: what was to be copied is gone; 90: no Python; 91: a Python without
// venv; 92: no conda; others: a program's own.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace carrel {

struct UvInstall {
  std::filesystem::path data;  // uv-VERSION/bin/uv comes to lie in it
  std::string version;
  std::filesystem::path source;  // the pin, a requirements file
};
std::string uv_script(const UvInstall& install);

// Prints the JSON of `interpreter_probe` for the Python that answers uv's request: /usr/bin/python3
// first.
struct PythonSearch {
  std::filesystem::path uv;
  std::filesystem::path uv_cache;
  std::string request;
};
std::string find_python_script(const PythonSearch& search);

// The same for an interpreter or virtual environment given by path or name; relative to `folder`,
// then on PATH.
std::string probe_script(const std::string& name, const std::filesystem::path& folder);

enum class Recipe { files, uv_lock };
struct TemplateBuild {
  Recipe recipe = Recipe::files;
  std::filesystem::path uv;
  std::filesystem::path uv_cache;
  std::filesystem::path templates;
  std::string key;
  std::string python;            // interpreter's path
  std::filesystem::path source;  // the spec's files; removed when the template stands
  std::string title;             // for people, in lists
  std::string file;  // below `source`: what uv reads; "" for nothing but ipykernel and pip
};
std::string template_script(const TemplateBuild& build);

// A workspace's copy: home/NAME, from a template; then what only means something in the person's
// folder.
enum class LocalPart { none, requirements, package, project_dependencies, lock };
struct EnvironmentCopy {
  std::filesystem::path uv;
  std::filesystem::path uv_cache;
  std::filesystem::path templates;
  std::string key;
  std::filesystem::path home;  // environments/ID
  std::string name;            // the copy's folder in it
  LocalPart local = LocalPart::none;
  std::filesystem::path folder;  // the person's
  std::string file;              // requirements or project file in it
};
std::string copy_script(
    const EnvironmentCopy& copy);  // prints "@package NAME-VERSION.dist-info" lines

struct CondaBuild {
  std::filesystem::path home;
  std::string name;
  std::filesystem::path file;  // environment.yml
};
std::string conda_script(const CondaBuild& build);  // prints packages as copy_script does

struct JupyterBuild {
  std::filesystem::path uv;
  std::filesystem::path uv_cache;
  std::filesystem::path jupyter;  // data/jupyter
  std::string key;
  std::string python;
  std::filesystem::path source;  // requirements.txt and carrel_server/
};
std::string jupyter_script(const JupyterBuild& build);

struct OverlayBuild {
  std::filesystem::path uv;
  std::filesystem::path uv_cache;
  std::filesystem::path overlays;
  std::string key;
  std::string python;
  std::filesystem::path source;  // constraints.txt, installed.txt, carrel_kernel.py
};
std::string overlay_script(const OverlayBuild& build);

std::string packages_script(const std::filesystem::path& prefix);
// "@entry WHAT BYTES IN_USE PATH TITLE" (tabs between) and "@overlay KEY" (used by a workspace)
// lines.
std::string cache_script(const std::filesystem::path& cache, const std::filesystem::path& data);
std::string prune_script(const std::filesystem::path& path);

// Prints one JSON object; runs on any Python from 2.7 on, so that an old one can be named.
std::string_view interpreter_probe();

}  // namespace carrel
