// One connection to a kept port and, when the machine is there, its stream to the machine. Never
// blocks; the thread of its Door alone.
#pragma once

#include "keeper/link.hpp"
#include "os/clock.hpp"
#include "os/connection.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <poll.h>
#include <span>
#include <string>

namespace carrel {

class Pair {
 public:
  enum class Phase {
    silent,  // the client has said nothing yet
    held,    // it has, and no stream is there
    open,
    done,
  };
  explicit Pair(Connection client) : client_(std::move(client)) {}
  Phase phase() const { return phase_; }

  // A View with `proven` not before this lets it go on.
  std::optional<Instant> wants() const;
  // When it wants to be looked at, whatever happens.
  std::optional<Instant> again_at() const;
  // Client and stream, for poll(2).
  std::array<pollfd, 2> watched() const;
  // What poll(2) said of them, then what the link's view changes. `buffer` is for anybody's use.
  void on_ready(const std::array<pollfd, 2>& ready, std::span<char> buffer, Instant now);
  void look(const Link::View& link, Instant now);

 private:
  // One direction.
  struct Flow {
    std::string pending;     // read and not yet taken
    bool ended = false;      // the source has
    bool passed_on = false;  // and the sink knows
  };
  void read_client(std::span<char> buffer, Instant now);
  void read_stream(std::span<char> buffer, Instant now);
  void send_up(std::string_view bytes);
  void send_down(std::string_view bytes);
  void open(const Link::View& link, Instant now);
  void hold_again(Instant now);
  void give_up();
  bool is_safe_to_ask_again() const;
  void pass_ends(const Link::View& link, Instant now);

  Connection client_;
  std::optional<Connection> stream_;
  Phase phase_ = Phase::silent;
  Flow up_;    // client to machine
  Flow down_;  // machine to client
  // All that the client has said since something came back, unless it is too much.
  std::string request_;
  bool request_is_whole_ = true;
  bool answered_ = false;  // something has come back since
  bool ever_answered_ = false;
  bool stream_refuses_ = false;  // it takes no more; what it still has to say counts
  Instant held_since_{};
  Instant not_before_{};
  Instant ended_at_{};
  std::uint64_t link_ = 0;
};

}  // namespace carrel
