#include "workspace/proof.hpp"

#include "base/error.hpp"
#include "base/text.hpp"
#include "jupyter/client.hpp"
#include "os/clock.hpp"
#include "os/wait.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace carrel {
namespace {

using Json = nlohmann::json;

constexpr std::string_view cell = R"(exec("""
import json, platform, shutil, subprocess
def gpus():
    if not shutil.which("nvidia-smi"):
        return ""
    try:
        asked = subprocess.run(["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"],
                               capture_output=True, text=True, timeout=20)
    except Exception:
        return ""
    return "; ".join(asked.stdout.strip().splitlines()) if asked.returncode == 0 else ""
print(json.dumps({"output": str(6 * 7), "python": platform.python_version(), "gpu": gpus()}))
""", {}))";

// The kernel's words: of any type.
bool is(const Json& json, const char* key, std::string_view text) {
  return json.is_object() && json.contains(key) && json[key] == text;
}

Error not_proved(std::string why) {
  return {
      .what = "the kernel runs, but the cell that should prove it did not give the right answer",
      .why = std::move(why),
      .hint = "carrel logs shows what the server and its kernels wrote",
      .trace = {}};
}

}  // namespace

Result<Proof> prove(KernelConnection& kernel, const Clock& clock, const Wait& wait) {
  std::string printed;
  ExecuteEvents events;
  events.on_output = [&](std::string_view output) {
    const auto json = Json::parse(output, nullptr, false);
    if (is(json, "output_type", "stream") && is(json, "name", "stdout") && json.contains("text") &&
        json["text"].is_string()) {
      printed += json["text"].get<std::string>();
    }
  };
  const auto begun = clock.now();
  const auto result = TRY(kernel.execute(cell, false, events, wait));
  const auto took = std::chrono::duration_cast<Milliseconds>(clock.now() - begun);
  if (result.status != "ok") {
    return fail(
        not_proved(printable(fmt::format("{}: {}", result.error_name, result.error_value))));
  }
  auto proof = read_proof(printed);
  if (!proof || proof->output != "42") return fail(not_proved(printable(last_lines(printed, 10))));
  proof->cell = took;
  return proof;
}

std::string proof_json(const Proof& proof) {
  return Json{{"output", proof.output},
              {"python", proof.python},
              {"gpu", proof.gpu},
              {"cell_ms", proof.cell.count()}}
      .dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<Proof> read_proof(std::string_view text) {
  try {
    const auto json = Json::parse(text);
    return Proof{.output = printable(json.at("output").get<std::string>()),
                 .python = printable(json.at("python").get<std::string>()),
                 .gpu = printable(json.at("gpu").get<std::string>()),
                 .cell = Milliseconds(json.value("cell_ms", std::int64_t{0}))};
  } catch (const Json::exception& error) {
    return fail(not_proved(printable(error.what())));
  }
}

}  // namespace carrel
