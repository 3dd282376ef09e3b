#include "exception_reader.h"

#include "aero/config/enum_names.h"
#include "aero/config/suggest.h"
#include "aero/core/text.h"

#include "book_reader.h"
#include "primitive_calls.h"

#include <algorithm>

namespace aero::cost {
namespace {

class ExceptionReader : public FileReader {
 public:
  ExceptionReader(const CostFile& file, const PrimitiveBook& book)
      : FileReader(file), book_(book) {}

  std::vector<Exception> read() {
    std::vector<Exception> exceptions;
    const auto* list = find(file_.root, "exceptions");
    if (list == nullptr) return exceptions;
    if (list->kind != Kind::array) {
      fault("exceptions", list->shown(),
            fmt::format("expected a list [...], not {}", list->kind_text()));
      return exceptions;
    }
    for (std::size_t i = 0; i < list->members.size(); ++i) {
      const std::string place = fmt::format("exceptions[{}]", i);
      const JsonValue& one = list->members[i].value;
      if (!check_object(one, place, {"when", "add", "note"})) continue;
      exceptions.push_back(
          {.when = read_when(one, place),
           .added = read_added(one, place),
           .note = text(one, place, "note", "say why, for readers of the result")});
    }
    return exceptions;
  }

 private:
  std::map<std::string, std::string> read_when(const JsonValue& exception,
                                               const std::string& place) {
    std::map<std::string, std::string> when;
    const std::string key = place + ".when";
    const auto* conditions = find(exception, "when");
    if (conditions == nullptr) {
      fault(key, "", R"(missing; say which configs it applies to, as {"family": "simplified"})");
    } else if (check_object(*conditions, key, exception_keys())) {
      for (const auto& [name, value] : conditions->members) {
        when[name] = read_condition(below(key, name), name, value);
      }
      if (when.empty()) fault(key, "{}", "is empty; name a key of: " + join(exception_keys()));
    }
    return when;
  }

  std::string read_condition(const std::string& place, const std::string& name,
                             const JsonValue& value) {
    if (name == "family") {
      const auto& families = enum_names<Family>();
      if (value.kind != Kind::text || std::ranges::find(families, value.text) == families.end()) {
        fault(place, value.shown(), "unknown family" + choice_hint(value.text, families));
      }
      return value.text;
    }
    if (value.kind != Kind::integer) {
      fault(place, value.shown(), "expected an integer, not " + value.kind_text());
    }
    return std::to_string(value.integer);
  }

  std::vector<AddedOperation> read_added(const JsonValue& exception, const std::string& place) {
    std::vector<AddedOperation> added;
    const auto* list = find(exception, "add");
    if (list == nullptr || list->kind != Kind::array) {
      fault(place + ".add", list == nullptr ? "" : list->shown(),
            "expected a list of operations {...}");
      return added;
    }
    for (std::size_t i = 0; i < list->members.size(); ++i) {
      const std::string one = fmt::format("{}.add[{}]", place, i);
      if (auto operation = read_operation(list->members[i].value, one)) {
        added.push_back(std::move(*operation));
      }
    }
    return added;
  }

  std::optional<AddedOperation> read_operation(const JsonValue& object, const std::string& place) {
    if (!check_object(object, place, {"name", "primitive", "count", "m", "k", "n"})) return {};
    const std::string name = text(object, place, "name", "name the operation");
    const auto* called = read_primitive(object, place);
    std::map<std::string, Formula> sizes;
    for (const std::string key : {"count", "m", "k", "n"}) {
      const auto formula =
          find(object, key) != nullptr ? read_formula(object, place, key) : Formula::parse("1");
      if (!formula) return std::nullopt;
      book_.check(file_, faults_, below(place, key), *formula, config_dimensions(), {});
      sizes.emplace(key, *formula);
    }
    if (called == nullptr) return std::nullopt;
    return AddedOperation{name,          called->primitive, called->operand, sizes.at("count"),
                          sizes.at("m"), sizes.at("k"),     sizes.at("n")};
  }

  /// Reads the name of a primitive. Returns null if the program calls none of this name.
  const CalledPrimitive* read_primitive(const JsonValue& object, const std::string& place) {
    const std::string name = text(object, place, "primitive", "name one of \"primitives\"");
    const auto& all = called_primitives();
    const auto found = std::ranges::find(all, name, &CalledPrimitive::name);
    if (found != all.end()) return &*found;
    std::vector<std::string> known;
    for (const CalledPrimitive& called : all) known.push_back(called.name);
    if (!name.empty()) {
      fault(place + ".primitive", quoted(name), "unknown primitive" + choice_hint(name, known));
    }
    return nullptr;
  }

  const PrimitiveBook& book_;
};

}  // namespace

std::vector<Exception> read_exceptions(const CostFile& file, const PrimitiveBook& book,
                                       Faults& faults) {
  ExceptionReader reader(file, book);
  auto exceptions = reader.read();
  faults.append(reader.faults());
  return exceptions;
}

}  // namespace aero::cost
