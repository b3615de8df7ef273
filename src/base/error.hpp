// Failure as a value. Every function that can fail returns Result<T>; no exception crosses a part's
// border.
//
// An Error answers a person's three questions: what failed (`what`), why, in the other side's own
// words (`why`: uv's, Jupyter's, the kernel's; may be empty), and what to do next (`hint`: a
// command or a sentence; may be empty). Layers further out add context with `while_doing`; the
// innermost failure stays the first line that is printed.
#pragma once

#include <expected>
#include <string>
#include <utility>
#include <vector>

namespace carrel {

// The program's exit status. `act`: the person must do something first (credentials, quota, a
// confirmation).
enum class Exit : int { done = 0, failed = 1, usage = 2, act = 3, interrupted = 130 };

// What a caller may branch on; everything else is for people.
enum class Reason {
  other,
  not_found,
  exists,
  busy,         // somebody else holds it now
  refused,      // the other side answered no
  unreachable,  // the other side did not answer: says nothing about its state
  unverified,   // the other side is not who it should be
  timed_out,
  interrupted,
  no_space,
  no_network,
  no_capacity,  // there is none of this kind here and now
  corrupt,
};

struct Error {
  std::string what;
  std::string why;
  std::string hint;
  Exit exit = Exit::failed;
  Reason reason = Reason::other;
  std::vector<std::string> trace;  // outermost first: "while making the environment"
  std::string code;  // the other side's own name for the failure, if it has one; AWS's error codes

  Error& while_doing(std::string context) & {
    trace.insert(trace.begin(), std::move(context));
    return *this;
  }
  Error&& while_doing(std::string context) && {
    trace.insert(trace.begin(), std::move(context));
    return std::move(*this);
  }
};

template <class T = void>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(Error error) {
  return std::unexpected<Error>(std::move(error));
}
inline std::unexpected<Error> usage_error(std::string what, std::string hint = {}) {
  return fail({.what = std::move(what),
               .why = {},
               .hint = std::move(hint),
               .exit = Exit::usage,
               .reason = Reason::other,
               .trace = {}});
}

}  // namespace carrel

// auto value = TRY(function_that_may_fail());   TRY(function_returning_Result_void());
// A statement expression of GNU C++, which both compilers have. Names are numbered: TRY may stand
// inside TRY.
#define CARREL_TRY_JOIN(a, b) a##b
#define CARREL_TRY_AS(name, ...)                                \
  ({                                                            \
    auto name = (__VA_ARGS__);                                  \
    if (!name) return std::unexpected(std::move(name).error()); \
    std::move(name).value();                                    \
  })
#define CARREL_TRY_NUMBERED(number, ...) \
  CARREL_TRY_AS(CARREL_TRY_JOIN(try_result_, number), __VA_ARGS__)
#define TRY(...) CARREL_TRY_NUMBERED(__COUNTER__, __VA_ARGS__)
