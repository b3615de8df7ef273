// What an environment without ipykernel lacks of it lies in a folder of Carrel's own. Pure: which
// one, what it is made from, and the kernel's command.
#pragma once

#include "channel/channel.hpp"
#include "environment/environment.hpp"
#include "environment/manifest.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace carrel {

// By the interpreter and its packages: another package, another overlay.
std::string overlay_key(const Interpreter& interpreter);

// constraints.txt (its own packages, as far as their versions are PEP 440), installed.txt (their
// names), carrel_kernel.py.
std::vector<PutFile> overlay_files(const Interpreter& interpreter);

// `overlay`: the folder, or empty when it has its own ipykernel. Bytecode is not written (-B): the
// person's files stay as they are.
KernelCommand existing_kernel(const Interpreter& interpreter, const std::filesystem::path& overlay);

}  // namespace carrel
