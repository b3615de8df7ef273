// A notebook document, nbformat 4.x (nbformat "The notebook file format"): read, the code cells in
// order, their outputs replaced, written back as Jupyter writes it (one-space indent, keys sorted
// as nbformat does, UTF-8, final newline). What is not understood is kept. Version 3 and older are
// refused with the command that upgrades them.
#pragma once

#include "base/error.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace carrel {

struct CodeCell {
  std::size_t index = 0;  // among all cells, from 0
  std::string source;
  std::string id;                 // "" before 4.5
  bool raises_exception = false;  // tagged "raises-exception": an error is what it should give
  bool skip = false;              // tagged "skip-execution"
};

class NotebookDocument {
 public:
  // Errors name the place: byte offset of bad JSON, or the cell's number.
  static Result<NotebookDocument> parse(std::string_view json);
  NotebookDocument(NotebookDocument&&) noexcept;
  NotebookDocument& operator=(NotebookDocument&&) noexcept;
  ~NotebookDocument();

  std::vector<CodeCell> code_cells() const;
  std::string kernel_name() const;  // metadata.kernelspec.name, "" if none
  std::string language() const;     // metadata.kernelspec.language or language_info.name

  void clear_outputs(std::size_t index);  // outputs [] and execution_count null
  // An nbformat output object as JSON text. Consecutive stream outputs of one name are merged, as
  // Jupyter does, with carriage returns and backspaces left as they are.
  Result<> add_output(std::size_t index, std::string_view output_json);
  // update_display_data: every output of the document whose transient display id is this one.
  Result<> update_display(std::string_view content_json);
  void set_execution_count(std::size_t index, std::optional<std::int64_t> count);

  std::string to_json() const;

 private:
  struct Body;
  explicit NotebookDocument(std::unique_ptr<Body> body);
  std::unique_ptr<Body> body_;
};

}  // namespace carrel
