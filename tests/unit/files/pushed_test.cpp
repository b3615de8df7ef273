// Real git and real bare remotes on this computer. A remote here counts for nothing, so each is
// pushed to by its path and then given the address of a server.
#include "files/pushed.hpp"

#include "base/error.hpp"
#include "files/transfer.hpp"
#include "os/wait.hpp"
#include "unit/files/two_sides.hpp"

#include <chrono>
#include <filesystem>
#include <ostream>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace carrel {
namespace {

namespace fs = std::filesystem;
using Names = std::set<std::string>;

class PushedTest : public TwoSides {
 protected:
  // `a` and `d/b` are pushed, and a link to `a`.
  PushedTest() {
    git("init -q --bare ../remote");
    git("init -q -b main");
    git("config user.name n && git config user.email e@e && git config commit.gpgSign false");
    git("remote add origin \"$PWD/../remote\"");
    write(there() / "a", "a");
    write(there() / "d/b", "b");
    git("add . && ln -s a link && git add link && git commit -qm one");
    git("push -q origin main && git remote set-url origin https://example.com/x.git");
  }

  // In the folder, whose git knows nothing of the person who runs the test.
  void git(const std::string& words) { in_folder("git " + words); }
  void in_folder(const std::string& script) {
    fs::create_directories(there());
    sh("unset $(env | sed -n 's/^\\(GIT_[A-Z_]*\\)=.*/\\1/p') x; export HOME=\"$PWD\" "
       "GIT_CONFIG_NOSYSTEM=1; cd 'there/home x' && { " +
       script + "; }");
  }
  Names pushed(const Wait& wait = patience()) {
    auto files = list_there(channel(), there() / "", false, wait).value();
    std::erase_if(files, [](const auto& file) { return file.second.kind == FileKind::folder; });
    const auto found = pushed_files(channel(), there(), files, wait);
    return found ? *found : Names{found.error().what};
  }
};

struct Case {
  std::string name;
  std::string then;  // after `a`, `d/b` and `link` were pushed
  Names safe;
};
std::ostream& operator<<(std::ostream& out, const Case& one) {
  return out << one.name;
}

class Cases : public PushedTest, public testing::WithParamInterface<Case> {};

TEST_P(Cases, says_what_a_remote_has) {
  if (!GetParam().then.empty()) in_folder(GetParam().then);
  EXPECT_EQ(pushed(), GetParam().safe);
}

const std::string commit = " && git add -A && git commit -qm two";

INSTANTIATE_TEST_SUITE_P(
    a_file_that_is, Cases,
    testing::ValuesIn(std::vector<Case>{
        {"pushed", "", {"a", "d/b", "link"}},
        {"changed_since", "echo x > a", {"d/b", "link"}},
        {"changed_and_as_long", "printf x > a", {"d/b", "link"}},
        {"committed_and_not_pushed", "echo x > a" + commit, {"d/b", "link"}},
        {"new_and_committed", "echo x > c" + commit, {"a", "d/b", "link"}},
        {"committed_as_what_was_pushed_before",
         "echo x > c" + commit + " && git rm -q c && git commit -qm three",
         {"a", "d/b", "link"}},
        {"behind_the_remote",
         "echo x > a" + commit +
             " && git update-ref refs/remotes/origin/main HEAD && git checkout -q HEAD^",
         {"a", "d/b", "link"}},
        {"untracked", "echo x > c", {"a", "d/b", "link"}},
        {"staged", "echo x > c && git add c", {"a", "d/b", "link"}},
        {"ignored", "echo c > .gitignore && echo x > c", {"a", "d/b", "link"}},
        {"renamed", "git mv a c", {"d/b", "link"}},
        {"a_link_elsewhere_now", "ln -sfn d/b link", {"a", "d/b"}},
        {"a_link_in_place_of_a_file", "mv d/b d/c && ln -s c d/b", {"a", "link"}},
        {"a_file_in_place_of_a_link", "rm link && printf a > link", {"a", "d/b"}},
        {"changed_by_a_filter",
         "echo '* text eol=crlf' > .gitattributes && printf 'x\\r\\n' > a && git add a && git "
         "commit "
         "-qm two && git update-ref refs/remotes/origin/main HEAD",
         {"d/b", "link"}},
        {"oddly_named",
         "printf x > '\"q\"' && printf x > \"$(printf 'n\\nl')\" && printf x > -f && printf x > "
         ":x" +
             commit + " && git update-ref refs/remotes/origin/main HEAD",
         {"\"q\"", "-f", ":x", "a", "d/b", "link"}},
        {"unknown_to_git", "rm -rf .git", {}},
        {"in_a_repository_without_a_commit", "rm -rf .git && git init -q", {}},
        {"in_a_repository_without_a_remote", "git remote remove origin", {}},
        {"fetched_from_a_remote_that_was_removed", "git config --unset remote.origin.url", {}},
        {"in_a_damaged_repository", "rm -rf .git/objects/*", {}},
        {"in_a_repository_without_head", "echo nonsense > .git/HEAD", {}},
        {"in_a_repository_that_is_a_file", "rm -rf .git && echo nonsense > .git", {}},
        {"glued_to_what_was_pushed",
         "echo x > a" + commit +
             " && git rev-parse origin/main HEAD | xargs echo > .git/info/grafts",
         {"d/b", "link"}},
        {"replaced_by_what_was_pushed",
         "echo x > a" + commit + " && git replace origin/main HEAD",
         {"d/b", "link"}},
        {"in_a_submodule",
         "mkdir sub && cd sub && git init -q && cp ../.git/config .git/config && echo x > s && git "
         "add s && git -c user.name=n -c user.email=e@e commit -qm s && git update-ref "
         "refs/remotes/origin/main HEAD && mkdir deep && echo y > deep/t",
         {"a", "d/b", "link", "sub/s"}},
        {"below_a_repository_that_is_damaged",
         "mkdir d/.git && echo nonsense > d/.git/HEAD",
         {"a", "link"}},
    }),
    [](const auto& one) { return one.param.name; });

class Remotes : public PushedTest,
                public testing::WithParamInterface<std::pair<std::string, bool>> {};

TEST_P(Remotes, count_when_they_are_not_on_the_machine) {
  const auto& [url, elsewhere] = GetParam();
  git("config remote.origin.url '" + url + "'");
  EXPECT_EQ(!pushed().empty(), elsewhere) << url;
}

INSTANTIATE_TEST_SUITE_P(
    all, Remotes,
    testing::Values(std::pair("https://u:secret@example.com:443/x@y", true),
                    std::pair("git@example.com:x/y.git", true), std::pair("example.com:x", true),
                    std::pair("ssh://git@example.com/x", true),
                    std::pair("git://example.com/x", true), std::pair("/srv/x.git", false),
                    std::pair("../remote", false), std::pair("./a:b", false),
                    std::pair("b/c:d", false), std::pair("file:///srv/x.git", false),
                    std::pair("https://localhost/x", false),
                    std::pair("http://127.0.0.1:3000/x", false),
                    std::pair("ssh://git@[::1]/x", false), std::pair("git@localhost:x", false),
                    std::pair("ext::sh -c true", false), std::pair("", false)));

TEST_F(PushedTest, one_remote_on_the_machine_makes_the_others_doubtful) {
  git("remote add backup ../remote");
  EXPECT_EQ(pushed(), Names{});
  git("remote set-url backup https://example.com/y");
  EXPECT_NE(pushed(), Names{});
  git("config remote.backup.pushurl ../remote");
  EXPECT_EQ(pushed(), Names{});
  git("config --unset remote.backup.pushurl && git config url.../remote.insteadOf "
      "https://example.com/y");
  EXPECT_EQ(pushed(), Names{}) << "git itself would go to the path";
}

TEST_F(PushedTest, nothing_that_a_repository_names_is_run) {
  const auto trap = [](const std::string& name) { return "'touch \"" + name + ".ran\"; false'"; };
  git("config core.fsmonitor " + trap("fsmonitor"));
  git("config core.sshCommand " + trap("ssh"));
  git("config core.pager " + trap("pager"));
  git("config core.askPass " + trap("askpass"));
  git("config diff.external " + trap("diff"));
  git("config alias.rev-list '!touch alias.ran'");
  git("config filter.f.clean " + trap("clean") + " && git config filter.f.required true");
  git("config filter.f.process " + trap("process"));
  git("config gpg.program " + trap("gpg") + " && git config log.showSignature true");
  in_folder(
      "echo '* filter=f diff=f' > .git/info/attributes; for hook in post-index-change "
      "reference-transaction post-checkout; do printf '#!/bin/sh\\ntouch hook.ran\\n' > "
      ".git/hooks/$hook; chmod +x .git/hooks/$hook; done");
  EXPECT_EQ(pushed(), (Names{"a", "d/b", "link"}));
  // what is missing would be fetched over ssh
  git("config remote.origin.url ssh://example.com/x && git config remote.origin.promisor true && "
      "git config extensions.partialClone origin && git config core.repositoryFormatVersion 1 && "
      "rm .git/objects/\"$(git rev-parse HEAD^{tree} | sed 's,^..,&/,')\"");
  EXPECT_EQ(pushed(), Names{});
  for (const auto& entry : fs::recursive_directory_iterator(there())) {
    EXPECT_NE(entry.path().extension(), ".ran") << entry.path();
  }
}

TEST_F(PushedTest, a_repository_that_hangs_is_given_up) {
  in_folder("mkfifo .git/pipe && git config include.path pipe");
  EXPECT_EQ(pushed(Wait::at_most(std::chrono::milliseconds(700))), Names{});
}

TEST_F(PushedTest, without_git_nothing_is_known) {
  SystemProcesses processes;
  fs::create_directories(root() / "bin");
  for (const auto* name : {"sh", "xargs", "sed", "head", "uname"}) {
    fs::create_symlink(*find_program(name, this_environment()), root() / "bin" / name);
  }
  DirectChannel without(processes, {{"PATH", (root() / "bin").string()}});
  const FileList files = {{"a", {}}};
  EXPECT_EQ(pushed_files(channel(), there(), files, patience()).value(), Names{"a"});
  EXPECT_EQ(pushed_files(without, there(), files, patience()).value(), Names{});
}

TEST_F(PushedTest, an_interrupt_is_an_error) {
  Interrupt interrupt;
  interrupt.raise();
  const auto found =
      pushed_files(channel(), there(), {{"a", {}}}, {.deadline = {}, .interrupt = &interrupt});
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().reason, Reason::interrupted);
}

}  // namespace
}  // namespace carrel
