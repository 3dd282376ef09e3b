// What private inference of a model will cost, from its config alone and without LibTorch:
// cost_model CONFIG COST_MODEL NETWORK, as in
// "cost_model mine.json spu_0.9.5_default_colocated wan"
#include <aero/config/loader.h>
#include <aero/core/error.h>
#include <aero/cost/cost_model.h>
#include <aero/cost/forward_pass.h>
#include <aero/cost/network.h>

#include <cstdio>
#include <iostream>
#include <map>
#include <string>

namespace {

void print(const aero::cost::PiCost& cost) {
  std::map<std::string, double> by_name;  // "softmax", "q", of all layers
  for (const auto& [operation, price] : cost.operations) by_name[operation.name] += price.bytes;
  for (const auto& [name, bytes] : by_name) {
    std::printf("%-14s %15.0f bytes\n", name.c_str(), bytes);
  }
  std::printf("%-14s %15.0f bytes\n", "a pass", cost.comm_bytes);
  // Without seconds or rounds of some operation, price() has refused the network.
  std::printf("%-14s %15.3f s (%.3f s of computation), %.0f rounds\n", "", *cost.latency_seconds,
              *cost.compute_seconds, *cost.rounds);
  for (const auto& [name, reason] : cost.uncharged) {
    std::printf("not charged: %s, %s\n", name.c_str(), reason.c_str());
  }
}

void run(const std::string& config_file, const std::string& model, const std::string& network) {
  const auto config = aero::load_config(config_file);
  const auto cost_model = aero::cost::CostModel::load(model);
  print(cost_model.price(config.model, aero::cost::whole_context(config.model),
                         aero::cost::load_network(network)));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::cerr << "usage: cost_model CONFIG COST_MODEL NETWORK\n";
    return 2;
  }
  try {
    run(argv[1], argv[2], argv[3]);
  } catch (const aero::Error& error) {
    std::cerr << error.what() << '\n';
    return static_cast<int>(error.code());
  }
}
