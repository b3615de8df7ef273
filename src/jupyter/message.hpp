// Messages of Jupyter's kernel protocol (jupyter-client "Messaging in Jupyter", 5.x) and their two
// WebSocket framings: v1 ("v1.kernel.websocket.jupyter.org") and the older JSON frames, as
// jupyter_server speaks them. Pure; every byte may be hostile. Errors are Reason::corrupt. Bytes of
// a message's JSON that are not UTF-8 (a kernel packs a file's name as the bytes it is) become
// U+FFFD; JSON nested deeper than 500 is refused.
#pragma once

#include "base/error.hpp"
#include "os/http.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace carrel {

struct KernelMessage {
  std::string channel;  // "shell", "iopub", "stdin", "control"
  // JSON texts, kept as text so that this header stays light; `message.cpp` checks that they parse
  // to objects.
  std::string header = "{}";
  std::string parent_header = "{}";
  std::string metadata = "{}";
  std::string content = "{}";
  std::vector<std::string> buffers = {};
};

inline constexpr std::string_view kernel_protocol_v1 = "v1.kernel.websocket.jupyter.org";

std::string encode_v1(const KernelMessage& message);
Result<KernelMessage> decode_v1(std::string_view frame);
WebSocketMessage encode_legacy(const KernelMessage& message);
Result<KernelMessage> decode_legacy(const WebSocketMessage& frame);

}  // namespace carrel
