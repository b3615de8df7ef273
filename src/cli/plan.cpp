#include "cli/plan.hpp"

#include "base/error.hpp"
#include "base/money.hpp"
#include "base/text.hpp"
#include "cli/command.hpp"
#include "cli/show.hpp"
#include "workspace/provider.hpp"
#include "workspace/site.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace carrel::cli {
namespace {

std::string price(const Offer& offer, Money money, const char* per) {
  return offer.price_known ? to_string(money) + per : "unknown: nobody says what it costs";
}

// "us-east-1a, then us-east-1b, us-east-1c"
std::string attempts(const std::vector<Offer>& offers) {
  std::vector<std::string> names;
  names.reserve(offers.size());
  const bool one_type = std::ranges::all_of(
      offers, [&](const Offer& offer) { return offer.type == offers.front().type; });
  for (const auto& offer : offers) {
    names.push_back(one_type ? offer.zone : offer.type + " in " + offer.zone);
  }
  const auto first = names.front();
  names.erase(names.begin());
  return names.empty() ? first : first + ", then " + join(names, ", ");
}

}  // namespace

std::string plan_text(const Plan& plan, const Look& look) {
  const auto& first = plan.offers.front();
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"machine", first.type + ", " + first.market},
      {"where", attempts(plan.offers)},
      {"running", price(first, first.per_hour, " an hour")},
      {"stopped", price(first, first.per_day_stopped, " a day") + ", for its disk of " +
                      std::to_string(plan.hardware.disk_gib) + " GB"},
      {"ends", "by itself, " + duration_text(plan.hardware.lifetime) + " after each start"}};
  std::string text;
  for (const auto& [head, value] : rows) {
    text += "  " + styled(head, Style::dim, look) + std::string(9 - head.size(), ' ') +
            one_line(value) + "\n";
  }
  return text;
}

Result<bool> agree_to(const CommandContext& context, const Plan& plan) {
  auto& terminal = context.world.terminal;
  const auto look = look_of(terminal, Output::err, context.world.environment);
  terminal.err("A machine that costs money:\n" + plan_text(plan, look));
  if (context.given.has("--yes") || context.given.has("--dry-run")) return true;
  if (!terminal.can_ask()) {
    return fail({.what = "up asks before it pays, and there is no terminal to ask on",
                 .why = {},
                 .hint = "the same command with --yes",
                 .exit = Exit::act,
                 .reason = Reason::other,
                 .trace = {}});
  }
  const auto word = std::string(trimmed(TRY(terminal.ask("Start it? [y/N] ", context.wait()))));
  return word == "y" || word == "Y" || word == "yes";
}

}  // namespace carrel::cli
