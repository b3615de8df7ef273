#include "workspace/reach.hpp"

#include "base/error.hpp"
#include "base/progress.hpp"
#include "jupyter/certificate.hpp"
#include "os/clock.hpp"
#include "os/file.hpp"
#include "os/ports.hpp"
#include "workspace/journal.hpp"
#include "workspace/spec.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

namespace carrel {
namespace {

constexpr const char* certificate_file = "certificate.pem";
constexpr const char* key_file = "key.pem";
constexpr std::uint16_t first_port = 8888;  // Jupyter's own

Error port_taken(std::uint16_t port) {
  const auto holder = port_holder(port);
  std::string why = "another program listens there";
  if (holder && holder->pid != 0) {
    why =
        fmt::format("{} (process {}, user {}) has it", holder->program, holder->pid, holder->user);
  } else if (holder) {
    why = fmt::format("a program of user {} has it", holder->user);
  }
  return {.what = fmt::format("port {} is taken", port),
          .why = std::move(why),
          .hint = "leave out the port and a free one is found, or stop that program",
          .reason = Reason::busy,
          .trace = {}};
}

}  // namespace

Result<bool> ensure_certificate(const std::filesystem::path& certificates, WallTime now,
                                Progress& progress) {
  const auto certificate = certificates / certificate_file;
  const auto key = certificates / key_file;
  TRY(make_private_folder(certificates));
  const auto names = host_names();
  if (const auto pem = read_file(certificate)) {
    const auto facts = read_certificate(*pem);
    if (facts && !needs_renewal(*facts, names, now) && read_file(key)) return false;
  }
  const auto made = TRY(make_certificate(names, now));
  TRY(remove_tree(certificate));  // cut off between the two, no certificate meets a wrong key
  TRY(write_file(key, made.key_pem.reveal(), 0600));
  TRY(write_file(certificate, made.certificate_pem, 0600));
  progress.note("made a new certificate: the browser will show a new fingerprint");
  return true;
}

Result<ServerDoor> choose_door(const Spec& spec, const std::optional<ServerRow>& last,
                               const std::filesystem::path& certificates, WallTime now,
                               Progress& progress) {
  ServerDoor door;
  if (spec.public_reach.value_or(false)) {
    door.public_reach = true;
    door.ip = "0.0.0.0";
    door.certificate = certificates / certificate_file;
    door.key = certificates / key_file;
    TRY(ensure_certificate(certificates, now, progress));
  }
  if (spec.port) {
    door.port = *spec.port;
    door.port_asked_for = true;
    if (!port_is_free(door.ip, door.port)) return fail(port_taken(door.port));
    return door;
  }
  if (last && last->port != 0 && port_is_free(door.ip, last->port)) {
    door.port = last->port;
    return door;
  }
  door.port = TRY(free_port(door.ip, first_port));
  if (last && last->port != 0) {
    progress.note(fmt::format("port {} is taken now; using {}", last->port, door.port));
  }
  return door;
}

std::string certificate_fingerprint(const std::filesystem::path& certificates) {
  const auto pem = read_file(certificates / certificate_file);
  if (!pem) return {};
  const auto facts = read_certificate(*pem);
  return facts ? facts->fingerprint : std::string();
}

}  // namespace carrel
