#include "base/error.hpp"
#include "channel/channel.hpp"
#include "channel_contract.hpp"
#include "os/connection.hpp"
#include "os/file.hpp"
#include "os/wait.hpp"

#include <array>
#include <cstddef>
#include <filesystem>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

namespace carrel {
namespace {

TEST_P(ChannelContract, writes_files_with_their_modes_in_folders_of_our_own) {
  std::string bytes;
  for (int i = 0; i < 100'000; ++i) bytes += static_cast<char>(i * 11 % 256);
  const fs::path tree = root() / "it's" / "b";
  const auto put = channel().put(tree,
                                 {{.path = "run.sh", .bytes = "#!", .mode = 0700},
                                  {.path = "empty", .bytes = "", .mode = 0600},
                                  {.path = "deep/er/da ta", .bytes = bytes, .mode = 0644}},
                                 patience());
  ASSERT_TRUE(put) << put.error().what << put.error().why;
  EXPECT_EQ(mode_of(tree / "run.sh"), 0700U);
  EXPECT_EQ(mode_of(tree / "empty"), 0600U);
  EXPECT_EQ(mode_of(tree / "deep/er/da ta"), 0644U);
  for (const char* made : {"it's", "it's/b", "it's/b/deep", "it's/b/deep/er"}) {
    EXPECT_EQ(mode_of(root() / made), 0700U) << made;
  }
  EXPECT_TRUE(channel().get(tree / "deep/er/da ta", patience()) == bytes);
  EXPECT_EQ(std::distance(fs::directory_iterator(tree), {}), 3) << "nothing else is left";
}

TEST_P(ChannelContract, replaces_a_file_and_leaves_folders_that_exist_as_they_are) {
  fs::create_directory(root() / "shared");
  fs::permissions(root() / "shared", fs::perms(0755));
  ASSERT_TRUE(write_file(root() / "shared" / "f", "old", 0644));
  ASSERT_TRUE(
      channel().put(root() / "shared", {{.path = "f", .bytes = "new", .mode = 0600}}, patience()));
  EXPECT_EQ(channel().get(root() / "shared" / "f", patience()), "new");
  EXPECT_EQ(mode_of(root() / "shared"), 0755U);
  EXPECT_EQ(mode_of(root() / "shared" / "f"), 0600U);
}

TEST_P(ChannelContract, leaves_an_old_file_whole_when_another_cannot_be_replaced) {
  fs::create_directory(root() / "b");
  ASSERT_TRUE(write_file(root() / "c", "old", 0600));
  EXPECT_FALSE(channel().put(root(),
                             {{.path = "a", .bytes = "new", .mode = 0600},
                              {.path = "b", .bytes = "new", .mode = 0600},
                              {.path = "c", .bytes = "new", .mode = 0600}},
                             patience()));
  const auto c = channel().get(root() / "c", patience());
  ASSERT_TRUE(c);
  EXPECT_TRUE(*c == "old" || *c == "new") << *c;
  EXPECT_TRUE(fs::is_empty(root() / "b"));
}

TEST_P(ChannelContract, writes_many_files_with_odd_names_and_the_last_of_two_with_one_path) {
  std::vector<PutFile> files;
  for (const char* name : {"-n", ".hidden", "..x", "a b", "it's", "*", "new\nline", "$x", "d/-m"}) {
    files.push_back({.path = name, .bytes = std::string(name) + "'s", .mode = 0640});
    files.push_back({.path = "x" + std::string(name), .bytes = "", .mode = 0711});
  }
  files.push_back({.path = "twice", .bytes = "first", .mode = 0600});
  files.push_back({.path = "twice", .bytes = "second", .mode = 0644});
  ASSERT_TRUE(channel().put(root(), files, patience()));
  files.erase(files.end() - 2);
  for (const PutFile& file : files) {
    EXPECT_EQ(read_file(root() / file.path), file.bytes) << file.path;
    EXPECT_EQ(mode_of(root() / file.path), file.mode) << file.path;
  }
}

TEST_P(ChannelContract, writes_nothing_when_interrupted) {
  Interrupt interrupt;
  interrupt.raise();
  Wait wait = patience();
  wait.interrupt = &interrupt;
  const auto put = channel().put(root() / "a", {{.path = "f", .bytes = "x", .mode = 0600}}, wait);
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().reason, Reason::interrupted);
  EXPECT_FALSE(fs::exists(root() / "a" / "f"));
}

TEST_P(ChannelContract, makes_the_root_of_no_files) {
  ASSERT_TRUE(channel().put(root() / "a", {}, patience()));
  EXPECT_EQ(mode_of(root() / "a"), 0700U);
}

TEST_P(ChannelContract, writes_nothing_when_one_path_leads_outside) {
  for (const char* bad : {"../f", "a/../../f", "/etc/f", "", "folder/"}) {
    EXPECT_FALSE(channel().put(
        root(),
        {{.path = "good", .bytes = "", .mode = 0600}, {.path = bad, .bytes = "", .mode = 0600}},
        patience()))
        << bad;
  }
  EXPECT_FALSE(channel().put("relative", {}, patience()));
  EXPECT_TRUE(fs::is_empty(root()));
}

TEST_P(ChannelContract, a_file_never_lands_inside_a_folder_of_its_name) {
  fs::create_directory(root() / "f");
  EXPECT_FALSE(channel().put(root(), {{.path = "f", .bytes = "x", .mode = 0600}}, patience()));
  EXPECT_TRUE(fs::is_empty(root() / "f"));
  EXPECT_EQ(std::distance(fs::directory_iterator(root()), {}), 1) << "nothing else is left";
}

TEST_P(ChannelContract, cannot_write_below_a_file) {
  ASSERT_TRUE(write_file(root() / "file", "", 0600));
  EXPECT_FALSE(
      channel().put(root() / "file", {{.path = "f", .bytes = "", .mode = 0600}}, patience()));
}

TEST_P(ChannelContract, a_file_that_does_not_exist_is_not_found) {
  EXPECT_EQ(channel().get(root() / "no", patience()).error().reason, Reason::not_found);
  const auto folder = channel().get(root(), patience());
  ASSERT_FALSE(folder);
  EXPECT_EQ(folder.error().reason, Reason::other);
}

TEST_P(ChannelContract, reads_any_bytes) {
  std::string bytes("\0\r\n\xff trailing\n\n", 16);
  ASSERT_TRUE(write_file(root() / "-odd", bytes, 0600));
  EXPECT_EQ(channel().get(root() / "-odd", patience()), bytes);
}

TEST_P(ChannelContract, tells_folders_from_everything_else) {
  ASSERT_TRUE(write_file(root() / "file", "", 0600));
  fs::create_directory_symlink(root(), root() / "link");
  EXPECT_EQ(channel().is_folder(root(), patience()), true);
  EXPECT_EQ(channel().is_folder(root() / "link", patience()), true);
  EXPECT_EQ(channel().is_folder(root() / "file", patience()), false);
  EXPECT_EQ(channel().is_folder(root() / "no", patience()), false);
  EXPECT_EQ(channel().is_folder(root() / "file" / "below", patience()), false);
}

TEST_P(ChannelContract, removes_a_tree_never_through_links_and_what_is_missing_is_done) {
  const fs::path tree = root() / "t";
  fs::create_directories(tree / "u" / ".hidden");
  fs::create_directory(root() / "other");
  ASSERT_TRUE(write_file(tree / "u" / ".hidden" / "file", "", 0400));
  ASSERT_TRUE(write_file(root() / "other" / "kept", "", 0400));
  fs::create_directory_symlink(root() / "other", tree / "u" / "link");
  fs::permissions(tree / "u" / ".hidden", fs::perms(0500));
  fs::permissions(tree / "u", fs::perms(0500));
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(channel().remove(tree, patience()));
  EXPECT_FALSE(fs::exists(tree));
  EXPECT_TRUE(fs::exists(root() / "other" / "kept"));
}

TEST_P(ChannelContract, gives_a_socket_of_the_machine_as_an_endpoint) {
  const fs::path socket = root() / "s: %h";
  const int listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  socket.native().copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(listener, 5), 0);
  std::optional<Endpoint> first;
  for (int i = 0; i < 2; ++i) {
    const auto endpoint = channel().forward(socket, patience());
    ASSERT_TRUE(endpoint) << endpoint.error().what << ": " << endpoint.error().why;
    if (first) {
      EXPECT_EQ(std::get<fs::path>(*endpoint), std::get<fs::path>(*first));
    }
    first = *endpoint;
    auto connection = Connection::open(*endpoint, patience());
    ASSERT_TRUE(connection);
    ASSERT_TRUE(connection->write_some(std::string_view("ping")));
    const int accepted = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    std::array<char, 4> buffer{};
    EXPECT_EQ(::recv(accepted, buffer.data(), buffer.size(), MSG_WAITALL), 4);
    EXPECT_EQ(::send(accepted, "pong", 4, 0), 4);
    EXPECT_EQ(connection->read_some(buffer), std::size_t{4});
    EXPECT_EQ(std::string_view(buffer.data(), 4), "pong");
    ::close(accepted);
    EXPECT_EQ(connection->read_some(buffer), std::size_t{0});
  }
  ::close(listener);
}

}  // namespace
}  // namespace carrel
