#include "aero/config/suggest.h"
#include "aero/core/text.h"

#include "book_reader.h"
#include "cost_model_description.h"
#include "exception_reader.h"
#include "primitive_calls.h"

#include <algorithm>

namespace aero::cost {
namespace {

class Reader : private FileReader {
 public:
  explicit Reader(const CostFile& file) : FileReader(file) {}

  CostModelDescription read() {
    const JsonValue& root = file_.root;
    faults_.append(file_.faults);
    BookReader books(file_);
    PrimitiveBook book = books.read();
    faults_.append(books.faults());
    check_object(root, "",
                 {"extends", "made_by", "name", "protocol", "field", "security", "source",
                  "private", "constants", "primitives", "uncharged", "joined", "setup", "latency",
                  "exceptions", "notes"});
    if (find(root, "made_by") != nullptr) {
      text(root, "", "made_by", "say which command made the file, or remove the key");
    }
    CostModelDescription result{.about = read_about(root), .book = std::move(book)};
    result.temperature = read_temperature(root);
    result.uncharged = read_uncharged(root);
    result.joined = read_joined(root);
    read_setup(root, result);
    read_latency(root, result);
    result.exceptions = read_exceptions(file_, result.book, faults_);
    result.notes = read_notes(root);
    if (!books.uncalled().empty()) {
      result.notes.push_back(fmt::format("No operation and no formula uses these primitives: {}.",
                                         join(books.uncalled())));
    }
    faults_.throw_if_any();
    return result;
  }

 private:
  CostModelAbout read_about(const JsonValue& root) {
    CostModelAbout about{
        .name = read_name(root),
        .protocol = text(root, "", "protocol", "say which protocol the numbers belong to"),
        .field = text(root, "", "field", "say how numbers are represented, as \"FM64\""),
        .security = text(root, "", "security", "say against whom, as \"semi-honest, two parties\""),
        .source = text(root, "", "source", "say where the numbers come from"),
        .private_to = {}};
    if (find(root, "private") == nullptr) {
      fault("private", "", R"(missing; say who knows what, as {"temperatures": "server"})");
    } else if (const auto* known = object(root, "private")) {
      for (const auto& [what, value] : known->members) {
        about.private_to.emplace_back(what, text(*known, "private", what, "say who knows it"));
      }
    }
    return about;
  }

  Operand read_temperature(const JsonValue& root) {
    const auto* known = find(root, "private");
    if (known == nullptr || known->kind != Kind::object) return Operand::weight;
    const std::string hint = R"(write "server" or "public")";
    const bool is_there = find(*known, "temperatures") != nullptr;
    const std::string who = is_there ? find(*known, "temperatures")->text
                                     : text(*known, "private", "temperatures", hint);
    if (is_there && !who.empty() && who != "server" && who != "public") {
      fault("private.temperatures", quoted(who),
            R"(expected "server" (priced as a weight) or "public" (priced as a constant))");
    }
    return who == "public" ? Operand::constant : Operand::weight;
  }

  std::map<std::string, std::string> read_uncharged(const JsonValue& root) {
    std::map<std::string, std::string> reasons;
    const auto* list = object(root, "uncharged");
    if (list == nullptr) return reasons;
    for (const auto& [name, value] : list->members) {
      check_operation("uncharged." + name, name);
      reasons[name] = text(*list, "uncharged", name, "say why this operation costs nothing here");
    }
    return reasons;
  }

  std::vector<std::vector<std::string>> read_joined(const JsonValue& root) {
    std::vector<std::vector<std::string>> groups;
    const auto* list = find(root, "joined");
    if (list == nullptr) return groups;
    if (list->kind != Kind::array) {
      fault("joined", list->shown(), R"(expected a list of lists, as [["q", "k", "v"]])");
      return groups;
    }
    for (const auto& [no_key, group] : list->members) {
      groups.push_back(names_in(group, "joined"));
      for (const std::string& name : groups.back()) check_operation("joined", name);
    }
    return groups;
  }

  void check_operation(const std::string& key, const std::string& name) {
    const auto known = operation_names();
    if (std::ranges::find(known, name) == known.end()) {
      fault(key, quoted(name),
            fmt::format("no operation has this name{}", choice_hint(name, known)));
    }
  }

  void read_setup(const JsonValue& root, CostModelDescription& result) {
    const auto* setup = object(root, "setup");
    if (setup == nullptr) return;
    check_object(*setup, "setup", {"bytes", "seconds", "source"});
    text(*setup, "setup", "source", "say where these numbers come from");
    result.setup_bytes = read_formula(*setup, "setup", "bytes");
    if (result.setup_bytes) {
      result.book.check(file_, faults_, "setup.bytes", *result.setup_bytes, {}, {1, 0});
    }
    if (find(*setup, "seconds") == nullptr) return;
    result.setup_seconds = read_formula(*setup, "setup", "seconds");
    if (result.setup_seconds) {
      result.book.check(file_, faults_, "setup.seconds", *result.setup_seconds, {}, {0, 1});
    }
  }

  void read_latency(const JsonValue& root, CostModelDescription& result) {
    const auto* latency = object(root, "latency");
    if (latency == nullptr) return;
    check_object(*latency, "latency", {"seconds", "source", "note"});
    text(*latency, "latency", "source", "say where this formula comes from");
    result.latency = read_formula(*latency, "latency", "seconds");
    if (result.latency) {
      result.book.check(file_, faults_, "latency.seconds", *result.latency, latency_dimensions(),
                        {0, 1});
    }
    if (find(*latency, "note") != nullptr) {
      result.latency_note = text(*latency, "latency", "note", "write it, or remove the key");
    }
  }

  std::vector<std::string> read_notes(const JsonValue& root) {
    const auto* list = find(root, "notes");
    return list == nullptr ? std::vector<std::string>{} : names_in(*list, "notes");
  }
};

}  // namespace

CostModelDescription read_cost_model(const CostFile& file) {
  return Reader(file).read();
}

}  // namespace aero::cost
