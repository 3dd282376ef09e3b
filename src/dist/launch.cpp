#include "aero/dist/launch.h"

#include "aero/core/error.h"
#include "aero/core/numbers.h"
#include "aero/core/text.h"

#include <cstdint>
#include <cstdlib>
#include <limits>

namespace aero::dist {
namespace {

constexpr int usual_port = 29500;  // PyTorch's
constexpr std::int64_t most_ranks = 1'000'000;

/// The variables of one launcher.
class Variables {
 public:
  Variables(const Environment& environment, std::string by)
      : environment_(environment), by_(std::move(by)) {}

  bool has(const char* name) const { return !environment_(name).value_or("").empty(); }

  std::string text(const char* name) const {
    const auto value = environment_(name);
    if (value && !value->empty()) return *value;
    throw UsageError(fmt::format(
        "{}: is not set, and {} says that several processes train together; set it, or start one "
        "process without {}'s variables",
        name, by_, by_));
  }

  int number(const char* name, std::int64_t low, std::int64_t high) const {
    return static_cast<int>(parse_integer(name, text(name), {.low = low, .high = high}));
  }

  int number_or(const char* name, int otherwise, std::int64_t low, std::int64_t high) const {
    return has(name) ? number(name, low, high) : otherwise;
  }

  Launch launch(const char* rank, const char* ranks) const {
    Launch launch;
    launch.by = by_;
    launch.ranks = number(ranks, 1, most_ranks);
    launch.rank = number(rank, 0, launch.ranks - 1);
    return launch;
  }

  int port(int otherwise) const { return number_or("MASTER_PORT", otherwise, 1, 65535); }

 private:
  const Environment& environment_;
  std::string by_;
};

Launch of_torchrun(const Variables& variables) {
  auto launch = variables.launch("RANK", "WORLD_SIZE");
  launch.local_rank = variables.number_or("LOCAL_RANK", launch.rank, 0, most_ranks);
  if (launch.ranks == 1) return launch;
  launch.address = variables.text("MASTER_ADDR");
  launch.port = variables.number("MASTER_PORT", 1, 65535);
  launch.has_store = variables.has("TORCHELASTIC_USE_AGENT_STORE") &&
                     variables.text("TORCHELASTIC_USE_AGENT_STORE") == "True";
  if (variables.has("TORCHELASTIC_RESTART_COUNT")) {
    launch.attempt = variables.text("TORCHELASTIC_RESTART_COUNT");
  }
  return launch;
}

const char* slurm_ranks(const Variables& variables) {
  return variables.has("SLURM_STEP_NUM_TASKS") ? "SLURM_STEP_NUM_TASKS" : "SLURM_NTASKS";
}

Launch of_slurm(const Variables& variables) {
  auto launch = variables.launch("SLURM_PROCID", slurm_ranks(variables));
  launch.local_rank = variables.number_or("SLURM_LOCALID", launch.rank, 0, most_ranks);
  if (launch.ranks == 1) return launch;
  constexpr int first_port = 20000;
  constexpr int ports = 20000;
  const auto job = variables.number_or("SLURM_JOB_ID", 0, 0, std::numeric_limits<int>::max());
  launch.port = variables.port(first_port + job % ports);
  if (variables.has("MASTER_ADDR")) {
    launch.address = variables.text("MASTER_ADDR");
  } else {
    const bool has_step = variables.has("SLURM_STEP_NODELIST");
    launch.address =
        first_host(variables.text(has_step ? "SLURM_STEP_NODELIST" : "SLURM_JOB_NODELIST"));
  }
  return launch;
}

Launch of_mpi(const Variables& variables) {
  auto launch = variables.launch("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE");
  launch.local_rank = variables.number_or("OMPI_COMM_WORLD_LOCAL_RANK", launch.rank, 0, most_ranks);
  if (launch.ranks == 1) return launch;
  const bool is_local =
      variables.has("OMPI_COMM_WORLD_LOCAL_SIZE") &&
      variables.number("OMPI_COMM_WORLD_LOCAL_SIZE", 1, most_ranks) == launch.ranks;
  launch.address =
      is_local && !variables.has("MASTER_ADDR") ? "127.0.0.1" : variables.text("MASTER_ADDR");
  launch.port = variables.port(usual_port);
  return launch;
}

/// Whether srun has started this process. A batch script has SLURM_PROCID and SLURM_NTASKS, too,
/// but is one process.
bool is_slurm_step(const Variables& variables) {
  return variables.has("SLURM_PROCID") && variables.has(slurm_ranks(variables)) &&
         (variables.has("SLURM_STEP_ID") || variables.has("MASTER_ADDR"));
}

}  // namespace

std::optional<std::string> environment_variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

std::optional<Launch> find_launch(const Environment& environment) {
  const Variables torchrun(environment, "torchrun");
  const Variables slurm(environment, "Slurm");
  const Variables mpi(environment, "MPI");
  std::optional<Launch> launch;
  if (torchrun.has("RANK") && torchrun.has("WORLD_SIZE")) {
    launch = of_torchrun(torchrun);
  } else if (is_slurm_step(slurm)) {
    launch = of_slurm(slurm);
  } else if (mpi.has("OMPI_COMM_WORLD_RANK")) {
    launch = of_mpi(mpi);
  }
  if (launch && launch->ranks == 1) return std::nullopt;
  return launch;
}

std::string first_host(const std::string& list) {
  const auto bracket = list.find('[');
  const auto comma = list.find(',');
  if (bracket == std::string::npos || comma < bracket) return list.substr(0, comma);
  const auto number_end = list.find_first_of("-,]", bracket);
  const auto closing = list.find(']', bracket);
  if (closing == std::string::npos) return list;
  const auto name_end = list.find(',', closing);
  const auto behind = name_end == std::string::npos ? std::string::npos : name_end - closing - 1;
  return list.substr(0, bracket) + list.substr(bracket + 1, number_end - bracket - 1) +
         list.substr(closing + 1, behind);
}

}  // namespace aero::dist
