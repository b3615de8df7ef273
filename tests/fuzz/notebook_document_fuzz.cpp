// A notebook document from anywhere: what is accepted is written, read again and written the same;
// the rest of the input is what a kernel sends. The input is the document, a zero byte, and then
// outputs and display updates with zeros between.
#include "base/text.hpp"
#include "notebook/document.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

void check_reads_again(const carrel::NotebookDocument& document) {
  const auto text = document.to_json();
  const auto again = carrel::NotebookDocument::parse(text);
  if (!again || again->to_json() != text) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto parts = carrel::split(input, '\0');
  auto document = carrel::NotebookDocument::parse(parts[0]);
  if (!document) {
    if (document.error().what.empty()) std::abort();
    return 0;
  }
  check_reads_again(*document);
  const auto cells = document->code_cells();
  (void)document->kernel_name();
  (void)document->language();
  for (std::size_t i = 1; i < parts.size() && !cells.empty(); ++i) {
    const auto& cell = cells[i % cells.size()];
    if (i % 5 == 0) document->clear_outputs(cell.index);
    (void)document->add_output(cell.index, parts[i]);
    (void)document->update_display(parts[i]);
    document->set_execution_count(cell.index, static_cast<std::int64_t>(i));
  }
  check_reads_again(*document);
  return 0;
}
