// A socket that others connect to: TCP on a numeric address, or a unix socket (0600). Never blocks;
// one thread at a time.
#pragma once

#include "base/error.hpp"
#include "os/connection.hpp"

#include <filesystem>
#include <optional>
#include <utility>

namespace carrel {

class Listener {
 public:
  // A unix socket's path must be free: who replaces one that was left behind removes it first, and
  // knows that it may. Reason::busy when the port or path is taken; Reason::not_found when this
  // computer has no such address (no IPv6). Port 0: any, see `endpoint`.
  static Result<Listener> open(const Endpoint& endpoint);
  Listener(Listener&& other) noexcept;
  Listener& operator=(Listener&& other) noexcept;
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener();

  // None: nobody is waiting. An error: not now (no descriptors left); try again later.
  Result<std::optional<Connection>> accept() const;
  const Endpoint& endpoint() const { return endpoint_; }
  int descriptor() const { return descriptor_; }  // readable when somebody is waiting

 private:
  Listener(int descriptor, Endpoint endpoint)
      : descriptor_(descriptor), endpoint_(std::move(endpoint)) {}
  int descriptor_ = -1;
  Endpoint endpoint_;
};

}  // namespace carrel
