#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace aero::cost {

/// The connection between the parties.
struct Network {
  std::string name;
  double bits_per_second = 0;
  double round_trip_seconds = 0;
  std::string source;  ///< the origin of the numbers

  bool operator==(const Network&) const = default;
};

/// Loads a network by the name of one built into the program from configs/cost/networks ("lan",
/// "wan", "mobile"), or any file by its path: {"name", "bandwidth": {"value", "unit"},
/// "round_trip": {"value", "unit"}, "source"}, units bit/s, kbit/s, Mbit/s, Gbit/s, and s, ms, us.
/// Throws UsageError that names the file, the key and the value.
Network load_network(const std::string& name_or_path);

std::vector<std::string> network_names();

}  // namespace aero::cost
