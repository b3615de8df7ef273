// Servers that exist only in a table: how a URL begins → what is answered. The longest beginning
// that fits answers; of two equal ones the later. Keeps every request. Elsewhere nobody listens.
#pragma once

#include "base/error.hpp"
#include "os/http.hpp"
#include "os/https.hpp"
#include "os/wait.hpp"

#include <cstddef>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace carrel {

class FakeHttps final : public Https {
 public:
  using Answer = std::function<Result<HttpResponse>(const HttpsRequest&)>;

  void when(std::string beginning, Answer answer) {
    table_.emplace_back(std::move(beginning), std::move(answer));
  }
  void when(std::string beginning, HttpResponse response) {
    when(std::move(beginning), Answer([response = std::move(response)](const HttpsRequest&) {
           return Result<HttpResponse>(response);
         }));
  }
  // One after the other; the last again and again.
  void when(std::string beginning, std::deque<Result<HttpResponse>> answers) {
    when(std::move(beginning), Answer([answers = std::move(answers)](const HttpsRequest&) mutable {
           auto answer = answers.front();
           if (answers.size() > 1) answers.pop_front();
           return answer;
         }));
  }

  Result<HttpResponse> send(const HttpsRequest& request, const Wait& wait) override {
    calls_.push_back(request);
    if (wait.interrupt != nullptr && wait.interrupt->raised()) {
      return fail({.what = "interrupted",
                   .why = {},
                   .hint = {},
                   .exit = Exit::interrupted,
                   .reason = Reason::interrupted,
                   .trace = {}});
    }
    Answer* best = nullptr;
    std::size_t length = 0;
    for (auto& [beginning, answer] : table_) {
      if (!request.url.starts_with(beginning) || (best != nullptr && beginning.size() < length)) {
        continue;
      }
      best = &answer;
      length = beginning.size();
    }
    if (best != nullptr) return (*best)(request);
    return fail({.what = "cannot reach " + request.url,
                 .why = "nobody listens",
                 .hint = {},
                 .exit = Exit::failed,
                 .reason = Reason::unreachable,
                 .trace = {}});
  }

  const std::vector<HttpsRequest>& calls() const { return calls_; }

 private:
  std::vector<std::pair<std::string, Answer>> table_;
  std::vector<HttpsRequest> calls_;
};

inline std::string header_of(const HttpsRequest& request, std::string_view name) {
  for (const auto& [key, value] : request.headers) {
    if (key == name) return value;
  }
  return {};
}

}  // namespace carrel
