#include "gpu_slots.h"

#include <torch/cuda.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>

namespace aero::jobs {

std::vector<std::string> gpu_names(std::size_t count, const std::string& visible) {
  std::vector<std::string> names;
  std::istringstream list(visible);
  for (std::string name; names.size() < count && std::getline(list, name, ',');) {
    names.push_back(name);
  }
  for (std::size_t i = names.size(); i < count; ++i) names.push_back(std::to_string(i));
  return names;
}

std::vector<std::string> visible_gpus() {
  const char* const visible = std::getenv("CUDA_VISIBLE_DEVICES");
  return gpu_names(torch::cuda::device_count(), visible == nullptr ? "" : visible);
}

std::size_t freest_gpu(std::size_t count, const std::vector<std::size_t>& taken) {
  std::vector<std::size_t> jobs(count, 0);
  for (const std::size_t gpu : taken) ++jobs.at(gpu);
  return static_cast<std::size_t>(std::ranges::min_element(jobs) - jobs.begin());
}

}  // namespace aero::jobs
