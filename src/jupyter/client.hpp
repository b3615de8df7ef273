// A program's view of one running Jupyter Server: the REST calls that Carrel uses (Jupyter
// Server 2.x REST API) and code run in a kernel. Authenticates by token; calls that only look add
// no_track_activity=1, so that looking never counts as a person. Errors: unreachable (no server
// there, or it stopped answering), refused (an HTTP status that says no: `why` is the server's
// message; not_found for 404), timed_out, interrupted, corrupt (an answer that is not what the API
// promises).
#pragma once

#include "base/error.hpp"
#include "base/secret.hpp"
#include "jupyter/message.hpp"
#include "os/http.hpp"
#include "os/random.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace carrel {

struct KernelModel {
  std::string id;
  std::string name;
  std::string execution_state;  // "idle", "busy", "starting", "dead", ...
  std::string last_activity;    // ISO 8601
  std::int64_t connections = 0;
};
struct SessionModel {
  std::string id;
  std::string path;
  KernelModel kernel;
};
struct Ticket {
  Secret text;
  std::int64_t expires_in = 0;  // seconds
};

// What one execute_request brought, in order of arrival.
struct ExecuteEvents {
  // An output as an nbformat 4 output object (JSON text): stream, display_data, execute_result,
  // error.
  std::function<void(std::string_view output_json)> on_output;
  // update_display_data: replaces the data of every display with this id. JSON text of
  // {"data","metadata","transient"}.
  std::function<void(std::string_view content_json)> on_update_display;
  std::function<void(bool wait)> on_clear_output;
  // The kernel wants a line of input; no handler: the cell gets EOF semantics by an interrupt and
  // the error says so. So it is with an error of the handler, which execute returns when the cell
  // has ended; but interrupted and timed_out are returned at once, as if the Wait had ended. The
  // handler may take its time: the connection is kept alive meanwhile.
  std::function<Result<std::string>(std::string_view prompt, bool password)> on_input;
};
struct ExecuteResult {
  std::string status;  // "ok", "error", "aborted"
  std::optional<std::int64_t> execution_count;
  std::string error_name;  // of status "error"
  std::string error_value;
  std::vector<std::string> traceback;  // with the kernel's ANSI colours
};

class KernelConnection {
 public:
  virtual ~KernelConnection() = default;
  // Runs `code`; done when shell's execute_reply and iopub's idle with that parent have both come.
  // `store_history` false: the person's In[]/Out[] do not move. allow_stdin iff events.on_input.
  // A kernel that died, also since the last cell, or that was restarted under this one:
  // Reason::unreachable, "the kernel died" or "was restarted"; its variables are gone.
  // Another cell that has not ended: Reason::busy.
  // Interrupted Wait: returns Reason::interrupted at once, the cell still runs: call
  // JupyterClient::interrupt and `finish`.
  virtual Result<ExecuteResult> execute(std::string_view code, bool store_history,
                                        const ExecuteEvents& events, const Wait& wait) = 0;
  // Goes on waiting for the cell whose execute was interrupted or timed out. Reason::not_found when
  // there is none.
  virtual Result<ExecuteResult> finish(const ExecuteEvents& events, const Wait& wait) = 0;
};

// `http` and `random` must outlive it and every connection it makes.
class JupyterClient {
 public:
  JupyterClient(Http& http, Random& random, Endpoint endpoint, Secret token);

  Result<std::string> version(
      const Wait& wait);  // GET /api; also the readiness question; needs no token
  Result<std::vector<KernelModel>> kernels(const Wait& wait);
  Result<std::vector<SessionModel>> sessions(const Wait& wait);
  // The session of this notebook (path relative to root_dir), made if there is none.
  // An empty `kernel_name` is the server's default.
  Result<SessionModel> open_session(std::string_view path, std::string_view kernel_name,
                                    const Wait& wait);
  Result<> delete_session(std::string_view id, const Wait& wait);
  Result<KernelModel> start_kernel(std::string_view kernel_name, const Wait& wait);
  Result<> delete_kernel(std::string_view id, const Wait& wait);
  Result<> interrupt(std::string_view kernel_id, const Wait& wait);
  Result<std::unique_ptr<KernelConnection>> connect(std::string_view kernel_id, const Wait& wait);

  Result<std::string> read_notebook(std::string_view path,
                                    const Wait& wait);  // the document's JSON text
  Result<> write_notebook(std::string_view path, std::string_view document_json, const Wait& wait);

  Result<Ticket> make_ticket(
      std::string_view landing_path,
      const Wait& wait);  // POST /carrel/tickets; no path: the server's default page
  Result<std::string> options(const Wait& wait);  // GET /carrel/options, JSON text

 private:
  Result<HttpResponse> call(std::string_view method, std::string_view target, std::string body,
                            const Wait& wait);

  Http& http_;
  Random& random_;
  Endpoint endpoint_;
  Secret token_;
};

}  // namespace carrel
