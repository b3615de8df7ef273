#include "jupyter/password.hpp"

#include "base/error.hpp"
#include "cli/command.hpp"
#include "cli/commands.hpp"
#include "cli/password_input.hpp"

namespace carrel::cli {
namespace {

Result<int> run_password(CommandContext& context) {
  const auto password =
      context.given.has("--stdin")
          ? TRY(password_from_input(context))
          : TRY(ask_new_password(context, "Password: ", "carrel password --stdin < FILE"));
  const auto hash = TRY(hash_password(password, context.world.random));
  context.world.terminal.out(hash.reveal() + "\n");
  return 0;
}

}  // namespace

Command password_command() {
  return {.name = "password",
          .group = "This computer",
          .summary = "hash a password for carrel.toml or Jupyter",
          .options = {{.name = "--stdin", .help = "read the password from standard input"}},
          .text =
              "Asks for a password twice, without showing it, and prints its hash (argon2id, in "
              "Jupyter's form). The hash "
              "can stand in `carrel.toml`; the password itself cannot.\n\n"
              "    carrel password\n"
              "    carrel password --stdin < password.txt\n\n"
              "    password_hash = \"argon2:...\"",
          .run = run_password};
}

}  // namespace carrel::cli
