// How a workspace is reached from this computer: its port, and what a public door needs.
#pragma once

#include "base/error.hpp"
#include "base/progress.hpp"
#include "os/clock.hpp"
#include "workspace/journal.hpp"
#include "workspace/spec.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace carrel {

struct ServerDoor {
  std::string ip = "127.0.0.1";
  std::uint16_t port = 0;
  bool port_asked_for = false;
  bool public_reach = false;
  std::filesystem::path certificate;  // empty: plain HTTP
  std::filesystem::path key;
};

// A port asked for and taken: an error that names who has it. Otherwise the port of last time, else
// the first free one from 8888 on; a changed one is said. `certificates`: a private folder for this
// computer's certificate, made or renewed here.
Result<ServerDoor> choose_door(const Spec& spec, const std::optional<ServerRow>& last,
                               const std::filesystem::path& certificates, WallTime now,
                               Progress& progress);

// A certificate for this computer in that private folder: made when there is none, when it covers a
// name or address no longer, or when it has less than 30 days left. True: it is a new one (said).
Result<bool> ensure_certificate(const std::filesystem::path& certificates, WallTime now,
                                Progress& progress);

// SHA-256 of the certificate in that folder, as browsers show it; "" if there is none.
std::string certificate_fingerprint(const std::filesystem::path& certificates);

}  // namespace carrel
