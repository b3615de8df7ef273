// The files of a workspace on both sides, and their way over: what `push` and `pull` do. The base
// of both is a record (record.hpp) that is written after each batch, so that a transfer that was
// cut goes on with what is missing.
//
// Nothing is overwritten that the other side has changed, also while files are on their way, and
// nothing is deleted on either side.
#pragma once

#include "base/error.hpp"
#include "base/progress.hpp"
#include "files/changes.hpp"
#include "files/record.hpp"
#include "files/transfer.hpp"
#include "os/listing.hpp"
#include "os/wait.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace carrel {

struct ExchangeReport {
  std::size_t files = 0;  // that went over
  std::uint64_t bytes = 0;
  std::vector<std::string> refused;  // of `push`: the machine has changed them
  // Of `pull`: changed on both sides, and where the machine's version is now.
  std::vector<std::pair<std::string, std::string>> beside;
  std::vector<std::string> deleted_here;   // and still there
  std::vector<std::string> deleted_there;  // and still here
  std::size_t left_out = 0;  // of `pull`: the person's rules leave them on the machine
};

// What only the machine has; what git has pushed from there (pushed.hpp) is elsewhere, too.
struct Unsaved {
  std::vector<std::string> changed;
  std::vector<std::string> left_out;  // by the person's rules: `pull` does not bring them
  bool empty() const { return changed.empty() && left_out.empty(); }
};

struct FolderSize {
  std::size_t files = 0;
  std::uint64_t bytes = 0;
};

// Where the record is kept and what it belongs to.
struct ExchangeRecord {
  std::filesystem::path file;
  std::string machine;
  std::filesystem::path scratch;  // of IgnoreRules
};

// The record as it is; none: there is none, or it is another machine's. Reason::corrupt.
Result<std::optional<LastExchange>> read_record(const ExchangeRecord& record);
// What goes over of a folder that has never been sent.
Result<FolderSize> size_to_send(Channel& here, const std::filesystem::path& folder,
                                const std::filesystem::path& scratch, const Wait& wait);

enum class Force { no, yes };

class Exchange {
 public:
  // Looks at both sides. A damaged record is said, and taken for none: files that are alike are
  // then found by their digests.
  static Result<Exchange> open(Ends ends, ExchangeRecord record, Progress& progress,
                               const Wait& wait);
  // `force`: also what the machine has changed since.
  Result<ExchangeReport> push(Force force, Progress& progress, const Wait& wait);
  Result<ExchangeReport> pull(Progress& progress, const Wait& wait);
  // Errors: interrupted.
  Result<Unsaved> unsaved(const Wait& wait) const;
  // The folder has been sent to its end.
  Result<> complete();

 private:
  Exchange(Ends ends, ExchangeRecord record, LastExchange base)
      : ends_(std::move(ends)), record_(std::move(record)), base_(std::move(base)) {}
  Result<> look(const Wait& wait);
  Result<> learn(const Changes& changes);
  Result<> settle(const std::vector<Move>& moves, const Arrived& arrived, const Wait& wait);
  Result<> save() const;

  Ends ends_;
  ExchangeRecord record_;
  LastExchange base_;
  FileList here_;
  FileList there_;
  FileList left_out_there_;
};

}  // namespace carrel
