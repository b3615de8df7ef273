#include "cli/ready.hpp"

#include "base/error.hpp"
#include "cli/command.hpp"
#include "cli/json.hpp"
#include "cli/show.hpp"
#include "workspace/journal.hpp"
#include "workspace/proof.hpp"
#include "workspace/workspaces.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace carrel::cli {

std::string proof_line(const Proof& proof) {
  return "cell 6*7 -> " + one_line(proof.output) + " in " + std::to_string(proof.cell.count()) +
         " ms, Python " + one_line(proof.python) + ", " +
         (proof.gpu.empty() ? "no GPU on this machine" : one_line(proof.gpu));
}

std::string ready_text(const UpResult& result, std::string_view sign_in, const Look& look) {
  const auto name = result.status.name.text();
  std::vector<std::pair<std::string, std::string>> rows;
  rows.emplace_back("proof", proof_line(result.proof));
  if (sign_in.empty()) {
    rows.emplace_back("address", result.status.url);
    rows.emplace_back("open", "carrel open " + name);
  } else {
    rows.emplace_back("open", std::string(sign_in));
    rows.emplace_back("", "signs in once, within ten minutes; again: carrel open " + name);
  }
  if (const auto& url = result.status.public_url; !url.empty() && url != result.status.url) {
    rows.emplace_back("for others", url);
  }
  if (!result.fingerprint.empty()) {
    rows.emplace_back("certificate", "SHA-256 " + result.fingerprint);
    rows.emplace_back("", "made by Carrel: browsers ask once; compare this with what they show");
  }
  rows.emplace_back("stop", "carrel stop " + name);
  rows.emplace_back("costs", cost_line(result.status.per_hour, result.status.machine_ref.place));

  std::size_t width = 0;
  for (const auto& [head, text] : rows) width = std::max(width, head.size());
  auto text = styled(name, Style::bold, look) +
              (result.was_up ? " was up already" : " is " + styled("up", Style::green, look)) +
              "\n";
  for (const auto& [head, value] : rows) {
    text += "  " + styled(head, Style::dim, look) + std::string(width - head.size() + 2, ' ') +
            one_line(value) + "\n";
  }
  return text;
}

Result<std::string> ready_lines(const CommandContext& context, Workspaces& workspaces,
                                const WorkspaceRow& row, const UpResult& result) {
  auto& terminal = context.world.terminal;
  if (context.json()) return ready_event(result);
  std::string sign_in;
  if (terminal.output_is_terminal()) {
    sign_in = TRY(workspaces.ticket_url(row, context.wait())).reveal();
  }
  return ready_text(result, sign_in, look_of(terminal, Output::out, context.world.environment));
}

}  // namespace carrel::cli
