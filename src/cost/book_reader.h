#pragma once

#include "file_reader.h"
#include "primitive_book.h"

#include <map>
#include <string>
#include <vector>

namespace aero::cost {

/// Numbers that formulas over a config can use beside the constants: T, V, L, H, d.
std::map<std::string, Dimension> config_dimensions();
/// Those of a latency: comm_bytes and gmac, too.
std::map<std::string, Dimension> latency_dimensions();

/// Reads "constants" and "primitives" of a cost model.
class BookReader : public FileReader {
 public:
  explicit BookReader(const CostFile& file) : FileReader(file) {}

  /// Not to be used where there are faults().
  PrimitiveBook read();

  /// Primitives that are no operation's and that no formula calls, of what read() gave.
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
