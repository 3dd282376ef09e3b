#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace aero::cost {

/// The line between the parties.
struct Network {
  std::string name;
  double bits_per_second = 0;
  double round_trip_seconds = 0;
  std::string source;  ///< where the numbers come from

  bool operator==(const Network&) const = default;
};

/// A file of configs/cost/networks by its name ("lan", "wan", "mobile"), built into the program, or
/// any file by its path: {"name", "bandwidth": {"value", "unit"}, "round_trip": {"value", "unit"},
/// "source"}, units bit/s, kbit/s, Mbit/s, Gbit/s, and s, ms, us. Throws UsageError that names the
/// file, the key and the value.
Network load_network(const std::string& name_or_path);

std::vector<std::string> network_names();

}  // namespace aero::cost
