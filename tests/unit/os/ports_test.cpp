#include "os/ports.hpp"

#include <arpa/inet.h>
#include <cstdint>
#include <netinet/in.h>
#include <string>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace carrel {
namespace {

// A socket that listens on a port of the kernel's choice (or `port`), or is only bound.
class Listener {
 public:
  explicit Listener(const char* ip = "127.0.0.1", std::uint16_t port = 0, bool listens = true)
      : descriptor_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    ::inet_pton(AF_INET, ip, &address.sin_addr);
    socklen_t size = sizeof address;
    auto* place = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(descriptor_, place, size), 0);
    EXPECT_EQ(listens ? ::listen(descriptor_, 1) : 0, 0);
    EXPECT_EQ(::getsockname(descriptor_, place, &size), 0);
    port_ = ntohs(address.sin_port);
  }
  ~Listener() { ::close(descriptor_); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  Listener(Listener&&) = delete;
  Listener& operator=(Listener&&) = delete;
  std::uint16_t port() const { return port_; }

 private:
  int descriptor_;
  std::uint16_t port_ = 0;
};

TEST(ports, that_somebody_listens_on_are_not_free_on_any_interface_that_is_part_of_it) {
  const Listener loopback;
  EXPECT_FALSE(port_is_free("127.0.0.1", loopback.port()));
  EXPECT_FALSE(port_is_free("0.0.0.0", loopback.port()));
  EXPECT_TRUE(port_is_free("127.0.0.2", loopback.port()));
  const Listener everywhere("0.0.0.0");
  EXPECT_FALSE(port_is_free("127.0.0.1", everywhere.port()));
}

TEST(ports, are_free_again_when_the_listener_has_gone) {
  std::uint16_t port = 0;
  {
    const Listener listener;
    port = listener.port();
  }
  EXPECT_TRUE(port_is_free("127.0.0.1", port));
  EXPECT_TRUE(port_is_free("127.0.0.1", port)) << "asking takes nothing";
}

TEST(ports, of_what_is_no_address_are_not_free) {
  for (const auto* ip : {"", "localhost", "::1", "127.0.0.1 ", "256.0.0.1"}) {
    EXPECT_FALSE(port_is_free(ip, 8888)) << ip;
    EXPECT_FALSE(free_port(ip, 65000)) << ip;
  }
  EXPECT_FALSE(port_is_free("127.0.0.1", 0));
}

TEST(ports, are_found_from_a_number_on_past_those_that_are_taken) {
  const Listener taken;
  const auto found = free_port("127.0.0.1", taken.port());
  ASSERT_TRUE(found);
  EXPECT_NE(*found, taken.port());
  EXPECT_TRUE(port_is_free("127.0.0.1", *found));
}

TEST(ports, are_given_by_the_kernel_when_there_is_none_above) {
  const Listener last("127.0.0.3", 65535);
  const auto found = free_port("127.0.0.3", 65535);
  ASSERT_TRUE(found) << found.error().what;
  EXPECT_NE(*found, 65535);
  EXPECT_NE(*found, 0);
}

TEST(ports, name_who_listens) {
  const Listener listener;
  const auto holder = port_holder(listener.port());
  ASSERT_TRUE(holder);
  EXPECT_EQ(holder->pid, ::getpid());
  EXPECT_TRUE(std::string("unit_os").starts_with(holder->program.substr(0, 4))) << holder->program;
  EXPECT_FALSE(holder->user.empty());
}

TEST(ports, that_are_only_bound_have_no_listener_to_name) {
  const Listener bound("127.0.0.1", 0, false);
  EXPECT_FALSE(port_holder(bound.port()));
  EXPECT_FALSE(port_is_free("127.0.0.1", bound.port())) << "and are not free";
}

TEST(ports, print_a_listeners_name_without_its_escape_sequences) {
  std::string before(16, '\0');
  ASSERT_EQ(::prctl(PR_GET_NAME, before.data()), 0);
  ASSERT_EQ(::prctl(PR_SET_NAME, "a\x1b[31mb"), 0);
  const Listener listener;
  const auto holder = port_holder(listener.port());
  ::prctl(PR_SET_NAME, before.c_str());
  ASSERT_TRUE(holder);
  EXPECT_EQ(holder->program, "a^[[31mb");
}

}  // namespace
}  // namespace carrel
