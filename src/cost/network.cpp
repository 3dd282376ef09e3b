#include "aero/cost/network.h"

#include "aero/config/suggest.h"
#include "aero/core/text.h"

#include "file_reader.h"

#include <array>

namespace aero::cost {
namespace {

struct RateUnit {
  const char* name;
  double bits_per_second;
};

constexpr std::array<RateUnit, 4> rates{
    {{"bit/s", 1}, {"kbit/s", 1e3}, {"Mbit/s", 1e6}, {"Gbit/s", 1e9}}};
constexpr std::array<const char*, 3> times{"s", "ms", "us"};

class Reader : private FileReader {
 public:
  explicit Reader(const CostFile& file) : FileReader(file) {}

  Network read() {
    const JsonValue& root = file_.root;
    faults_.append(file_.faults);
    check_object(root, "", {"extends", "name", "bandwidth", "round_trip", "source"});
    Network network;
    network.name = read_name(root);
    network.source = text(root, "", "source", "say where these numbers come from");
    std::vector<std::string> names;
    for (const RateUnit& rate : rates) names.emplace_back(rate.name);
    if (const auto bandwidth = measure(root, "bandwidth", names)) {
      network.bits_per_second = bandwidth->value * rates[bandwidth->unit].bits_per_second;
      if (bandwidth->value <= 0) {
        fault("bandwidth.value", number_text(bandwidth->value), "expected more than 0");
      }
    }
    if (const auto trip = measure(root, "round_trip", {times.begin(), times.end()})) {
      network.round_trip_seconds = trip->value * parse_unit(times[trip->unit])->factor;
      if (trip->value < 0) fault("round_trip.value", number_text(trip->value), "is negative");
    }
    faults_.throw_if_any();
    return network;
  }

 private:
  struct Measure {
    double value;
    std::size_t unit;  ///< its index among the units
  };

  /// Reads {"value", "unit"}, or adds a fault and returns nothing.
  std::optional<Measure> measure(const JsonValue& root, const std::string& key,
                                 const std::vector<std::string>& units) {
    if (find(root, key) == nullptr) {
      fault(key, "", fmt::format("missing; write {{\"value\": ..., \"unit\": \"{}\"}}", units[0]));
    }
    const auto* found = object(root, key);
    if (found == nullptr || !check_object(*found, key, {"value", "unit"})) return std::nullopt;
    const auto value = number(*found, key, "value");
    const std::string unit = text(*found, key, "unit", "one of: " + join(units));
    for (std::size_t i = 0; i < units.size(); ++i) {
      if (units[i] == unit) return value ? std::optional(Measure{*value, i}) : std::nullopt;
    }
    if (!unit.empty()) {
      fault(key + ".unit", quoted(unit), fmt::format("unknown unit{}", choice_hint(unit, units)));
    }
    return std::nullopt;
  }
};

}  // namespace

Network load_network(const std::string& name_or_path) {
  const CostFile file = open_cost_file(name_or_path, networks());
  return Reader(file).read();
}

std::vector<std::string> network_names() {
  return file_names(networks());
}

}  // namespace aero::cost
