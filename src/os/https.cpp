#include "os/https.hpp"

#include "base/error.hpp"
#include "base/text.hpp"
#include "os/clock.hpp"
#include "os/detail.hpp"
#include "os/http.hpp"
#include "os/wait.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <dlfcn.h>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#define CURL_DISABLE_TYPECHECK  // its macros would call the functions by their linked names
#include <curl/curl.h>

#include <fmt/format.h>

namespace carrel {
namespace {

constexpr std::size_t header_limit = std::size_t{256} << 10U;
constexpr long connect_timeout_ms = 10'000;
constexpr int longest_poll_ms = 60'000;

Error https_error(std::string what, std::string why, Reason reason, std::string hint = {}) {
  return {.what = std::move(what),
          .why = std::move(why),
          .hint = std::move(hint),
          .exit = Exit::failed,
          .reason = reason,
          .trace = {}};
}

// libcurl's functions, by name, from the library as it is on this computer.
struct Curl {
  // NOLINTBEGIN(readability-identifier-naming)
  decltype(&::curl_global_init) global_init = nullptr;
  decltype(&::curl_easy_init) easy_init = nullptr;
  decltype(&::curl_easy_setopt) easy_setopt = nullptr;
  decltype(&::curl_easy_getinfo) easy_getinfo = nullptr;
  decltype(&::curl_easy_cleanup) easy_cleanup = nullptr;
  decltype(&::curl_easy_strerror) easy_strerror = nullptr;
  decltype(&::curl_multi_init) multi_init = nullptr;
  decltype(&::curl_multi_add_handle) multi_add_handle = nullptr;
  decltype(&::curl_multi_remove_handle) multi_remove_handle = nullptr;
  decltype(&::curl_multi_perform) multi_perform = nullptr;
  decltype(&::curl_multi_poll) multi_poll = nullptr;
  decltype(&::curl_multi_info_read) multi_info_read = nullptr;
  decltype(&::curl_multi_cleanup) multi_cleanup = nullptr;
  decltype(&::curl_multi_strerror) multi_strerror = nullptr;
  decltype(&::curl_slist_append) slist_append = nullptr;
  decltype(&::curl_slist_free_all) slist_free_all = nullptr;
  // NOLINTEND(readability-identifier-naming)
};

Error cannot_load(std::string why) {
  return https_error("cannot load libcurl, which speaks HTTPS", std::move(why), Reason::not_found,
                     "install it: apt install libcurl4");
}

Result<Curl> load_curl() {
  void* library = ::dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return fail(cannot_load(::dlerror()));
  Curl curl;
  std::string missing;
  const auto find = [&](auto& function, const char* name) {
    function =
        reinterpret_cast<std::remove_reference_t<decltype(function)>>(::dlsym(library, name));
    if (function == nullptr) missing = name;
  };
  find(curl.global_init, "curl_global_init");
  find(curl.easy_init, "curl_easy_init");
  find(curl.easy_setopt, "curl_easy_setopt");
  find(curl.easy_getinfo, "curl_easy_getinfo");
  find(curl.easy_cleanup, "curl_easy_cleanup");
  find(curl.easy_strerror, "curl_easy_strerror");
  find(curl.multi_init, "curl_multi_init");
  find(curl.multi_add_handle, "curl_multi_add_handle");
  find(curl.multi_remove_handle, "curl_multi_remove_handle");
  find(curl.multi_perform, "curl_multi_perform");
  find(curl.multi_poll, "curl_multi_poll");
  find(curl.multi_info_read, "curl_multi_info_read");
  find(curl.multi_cleanup, "curl_multi_cleanup");
  find(curl.multi_strerror, "curl_multi_strerror");
  find(curl.slist_append, "curl_slist_append");
  find(curl.slist_free_all, "curl_slist_free_all");
  if (!missing.empty()) {
    return fail(cannot_load(fmt::format("it has no {}: it is older than 7.66", missing)));
  }
  const CURLcode started = curl.global_init(CURL_GLOBAL_DEFAULT);
  if (started != CURLE_OK) return fail(cannot_load(curl.easy_strerror(started)));
  return curl;
}

// "https://ec2.eu-west-1.amazonaws.com": what an error may show of a URL.
std::string_view origin_of(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return url;
  return url.substr(0, url.find_first_of("/?#", scheme + 3));
}

// What the callbacks of one request fill.
struct Received {
  HttpResponse response;
  std::size_t header_bytes = 0;
  std::size_t limit = 0;
  bool too_large = false;
};

std::size_t on_body(const char* bytes, std::size_t /*one*/, std::size_t count, void* to) {
  auto& received = *static_cast<Received*>(to);
  if (count > received.limit - received.response.body.size()) {
    received.too_large = true;
    return 0;
  }
  received.response.body.append(bytes, count);
  return count;
}

std::size_t on_header(const char* bytes, std::size_t /*one*/, std::size_t count, void* to) {
  auto& received = *static_cast<Received*>(to);
  const std::string_view line = trimmed({bytes, count});
  received.header_bytes += count;
  if (received.header_bytes > header_limit) {
    received.too_large = true;
    return 0;
  }
  // each answer begins with its status line: what an interim one said is forgotten
  if (line.starts_with("HTTP/")) received.response.headers.clear();
  const std::size_t colon = line.find(':');
  if (colon != std::string_view::npos && !line.starts_with("HTTP/")) {
    received.response.headers.emplace_back(line.substr(0, colon), trimmed(line.substr(colon + 1)));
  }
  return count;
}

bool is_safe(std::string_view text) {
  return std::ranges::none_of(text, [](unsigned char c) { return std::iscntrl(c) != 0; });
}

Reason reason_of(CURLcode code) {
  switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
      return Reason::unverified;
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING:
      return Reason::corrupt;
    case CURLE_URL_MALFORMAT:
    case CURLE_OUT_OF_MEMORY:
      return Reason::other;
    default:
      return Reason::unreachable;
  }
}

// One request on one multi handle: what was set up is taken down again on every way out.
class Transfer {
 public:
  Transfer(const Curl& curl, CURLM* multi) : curl_(curl), multi_(multi), easy_(curl.easy_init()) {}
  ~Transfer() {
    if (easy_ != nullptr) {
      curl_.multi_remove_handle(multi_, easy_);
      curl_.easy_cleanup(easy_);
    }
    curl_.slist_free_all(headers_);
  }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  Result<> prepare(const HttpsRequest& request,
                   const std::optional<std::filesystem::path>& authorities) {
    if (easy_ == nullptr || multi_ == nullptr) {
      return fail(https_error("cannot send a request", "libcurl has no memory", Reason::other));
    }
    origin_ = origin_of(request.url);
    received_.limit = request.body_limit;
    bool safe = is_safe(request.method) && is_safe(request.url);
    add_header("Expect:");
    // given by us or not at all
    add_header("Content-Type:");
    for (const auto& [name, value] : request.headers) {
      safe = safe && is_safe(name) && is_safe(value) && !name.contains(':');
      // libcurl takes "Name:" for "leave it out" and "Name;" for "send it empty"
      add_header(value.empty() ? name + ";" : fmt::format("{}: {}", name, value));
    }
    if (!safe) {  // the value may be a secret: it is not shown
      return fail(https_error("cannot send a request",
                              "its method, URL or a header has a control character",
                              Reason::other));
    }
    set(CURLOPT_URL, request.url.c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    if (request.url.starts_with("http:")) set(CURLOPT_NOPROXY, "*");
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    set(CURLOPT_CONNECTTIMEOUT_MS, connect_timeout_ms);
    if (authorities) set(CURLOPT_CAINFO, authorities->c_str());
    if (request.method == "HEAD") {
      set(CURLOPT_NOBODY, 1L);
    } else if (request.method != "GET" || !request.body.empty()) {
      set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
      set(CURLOPT_POSTFIELDS, request.body.c_str());
      set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
    }
    set(CURLOPT_HTTPHEADER, headers_);
    set(CURLOPT_WRITEFUNCTION, on_body);
    set(CURLOPT_WRITEDATA, &received_);
    set(CURLOPT_HEADERFUNCTION, on_header);
    set(CURLOPT_HEADERDATA, &received_);
    set(CURLOPT_ERRORBUFFER, error_.data());
    return {};
  }

  Result<HttpResponse> run(const Wait& wait) {
    if (const CURLMcode code = curl_.multi_add_handle(multi_, easy_); code != CURLM_OK) {
      return fail(broken(code));
    }
    while (true) {
      int running = 0;
      if (const CURLMcode code = curl_.multi_perform(multi_, &running); code != CURLM_OK) {
        return fail(broken(code));
      }
      if (running == 0) return answer();
      TRY(wait_for_more(wait));
    }
  }

 private:
  template <class Value>
  void set(CURLoption option, Value value) {
    curl_.easy_setopt(easy_, option, value);
  }
  void add_header(const std::string& line) {
    headers_ = curl_.slist_append(headers_, line.c_str());
  }

  Result<> wait_for_more(const Wait& wait) {
    curl_waitfd interrupt{};
    if (wait.interrupt != nullptr) {
      interrupt = {.fd = wait.interrupt->descriptor(), .events = CURL_WAIT_POLLIN, .revents = 0};
    }
    const int deadline = poll_timeout(wait.deadline);
    const int longest = deadline < 0 ? longest_poll_ms : std::min(deadline, longest_poll_ms);
    // libcurl wakes earlier where one of its own timers wants it
    const CURLMcode code =
        curl_.multi_poll(multi_, &interrupt, wait.interrupt != nullptr ? 1 : 0, longest, nullptr);
    if (code != CURLM_OK) return fail(broken(code));
    if (wait.interrupt != nullptr && wait.interrupt->raised()) return fail(interrupted());
    if (wait.deadline && SystemClock().now() >= *wait.deadline) {
      Error error = timed_out();
      error.why = fmt::format("{} has not answered", origin_);
      return fail(std::move(error));
    }
    return {};
  }

  Result<HttpResponse> answer() {
    int left = 0;
    const CURLMsg* message = curl_.multi_info_read(multi_, &left);
    const CURLcode code = message != nullptr ? message->data.result : CURLE_FAILED_INIT;
    if (received_.too_large) {
      return fail(https_error(fmt::format("the answer of {} is too large", origin_),
                              fmt::format("it has over {}", size_text(received_.limit)),
                              Reason::refused));
    }
    if (code != CURLE_OK) return fail(failure(code));
    long status = 0;
    curl_.easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
    received_.response.status = static_cast<int>(status);
    return std::move(received_.response);
  }

  Error failure(CURLcode code) const {
    const std::string why =
        printable(error_.front() != '\0' ? error_.data() : curl_.easy_strerror(code));
    const Reason reason = reason_of(code);
    if (reason == Reason::unverified) {
      return https_error(fmt::format("{} does not prove who it is", origin_), why, reason,
                         "install ca-certificates; behind a proxy that opens TLS, name its "
                         "authority in AWS_CA_BUNDLE");
    }
    if (reason == Reason::corrupt) {
      return https_error(fmt::format("the answer of {} is not HTTP", origin_), why, reason);
    }
    return https_error(fmt::format("cannot reach {}", origin_), why, reason);
  }

  Error broken(CURLMcode code) const {
    return https_error(fmt::format("cannot ask {}", origin_), curl_.multi_strerror(code),
                       Reason::other);
  }

  const Curl& curl_;
  CURLM* multi_;
  CURL* easy_;
  curl_slist* headers_ = nullptr;
  std::string origin_;
  Received received_;
  std::array<char, CURL_ERROR_SIZE> error_{};
};

}  // namespace

// The library, loaded once, and multi handles with their open connections.
class CurlHttps::Pool {
 public:
  Pool() = default;
  ~Pool() {
    for (CURLM* multi : idle_) curl_->multi_cleanup(multi);
  }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  Result<const Curl*> curl() {
    const std::scoped_lock lock(mutex_);
    if (!curl_) curl_ = TRY(load_curl());
    return &*curl_;
  }
  CURLM* take() {
    const std::scoped_lock lock(mutex_);
    if (idle_.empty()) return curl_->multi_init();
    CURLM* multi = idle_.back();
    idle_.pop_back();
    return multi;
  }
  void give_back(CURLM* multi) {
    const std::scoped_lock lock(mutex_);
    if (multi != nullptr) idle_.push_back(multi);
  }

 private:
  std::mutex mutex_;
  std::optional<Curl> curl_;
  std::vector<CURLM*> idle_;
};

CurlHttps::CurlHttps(std::optional<std::filesystem::path> authorities)
    : authorities_(std::move(authorities)), pool_(std::make_unique<Pool>()) {}
CurlHttps::~CurlHttps() = default;

Result<HttpResponse> CurlHttps::send(const HttpsRequest& request, const Wait& wait) {
  const NoSigpipe no_sigpipe;  // OpenSSL writes to connections that may have been closed
  const Curl* curl = TRY(pool_->curl());
  if (wait.interrupt != nullptr && wait.interrupt->raised()) return fail(interrupted());
  CURLM* multi = pool_->take();
  auto response = [&]() -> Result<HttpResponse> {
    Transfer transfer(*curl, multi);
    TRY(transfer.prepare(request, authorities_));
    return transfer.run(wait);
  }();
  pool_->give_back(multi);
  return response;
}

}  // namespace carrel
