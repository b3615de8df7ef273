// Code run in a kernel over its WebSocket (jupyter-client "Messaging in Jupyter" 5.x). Private to
// jupyter/: made by JupyterClient::connect, used through KernelConnection.
#pragma once

#include "jupyter/client.hpp"

#include <functional>
#include <memory>
#include <string>

namespace carrel {

// The subprotocol of `socket` says which framing it speaks. `session`: this client's id in its
// messages. `interrupt`: sends the kernel SIGINT, needed when a cell asks for input that nobody
// gives.
std::unique_ptr<KernelConnection> make_kernel_connection(
    std::unique_ptr<WebSocket> socket, Random& random, std::string session,
    std::function<Result<>(const Wait&)> interrupt);

}  // namespace carrel
