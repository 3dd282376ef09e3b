#pragma once

#include "file_reader.h"
#include "primitive_book.h"

#include <map>
#include <string>
#include <vector>

namespace aero::cost {

/// Returns the numbers that formulas over a config can use beside the constants: T, V, L, H, d.
std::map<std::string, Dimension> config_dimensions();
/// Returns the numbers that the formula of a latency can use: also comm_bytes and gmac.
std::map<std::string, Dimension> latency_dimensions();

/// Reads "constants" and "primitives" of a cost model.
class BookReader : public FileReader {
 public:
  explicit BookReader(const CostFile& file) : FileReader(file) {}

  /// Reads the book, which must not be used if there are faults().
  PrimitiveBook read();

  /// Returns the primitives of read() that no operation and no formula uses.
  const std::vector<std::string>& uncalled() const { return uncalled_; }

 private:
  std::map<std::string, Constant> read_constants();
  Constant read_constant(const JsonValue& object, const std::string& place);
  std::map<std::string, PrimitiveEntry> read_primitives();
  PrimitiveEntry read_primitive(const JsonValue& object, const std::string& place,
                                const std::string& name);
  void check_number(const JsonValue& object, const std::string& place, const std::string& name);
  std::vector<std::string> read_arguments(const JsonValue& object, const std::string& place,
                                          const std::string& name);
  void check_names(const PrimitiveBook& book);
  void check_callers(const PrimitiveBook& book);

  std::vector<std::string> uncalled_;
};

}  // namespace aero::cost
