#include "ranks.h"

#include "aero/config/loader.h"
#include "aero/core/error.h"
#include "aero/core/log.h"
#include "aero/core/text.h"
#include "aero/core/version.h"

#include <exception>
#include <string>
#include <utility>

namespace aero::train {
namespace {

/// What must be the same on all ranks.
std::string description(const Trainer& trainer, bool resume) {
  auto config = trainer.config();
  config.train.device = "";
  config.train.threads = 0;
  return fmt::format("{}\n{}\n{}\n{}", version(), resume, trainer.corpus().fingerprint(),
                     to_json(config));
}

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

}  // namespace

dist::Communicator join_ranks(RunConfig& config) {
  const auto launch = dist::find_launch();
  if (!launch) return {};
  log::set_origin(fmt::format("rank {}", launch->rank));
  if (launch->rank > 0 && log::verbosity() == Verbosity::normal) {
    log::set_verbosity(Verbosity::quiet);
  }
  const bool takes_its_own = config.train.device == "auto" || config.train.device == "cuda";
  if (find_device(config.train.device).is_cuda() && takes_its_own && launch->local_rank > 0) {
    config.train.device = fmt::format("cuda:{}", launch->local_rank);
  }
  dist::Communicator communicator(*launch, use_device(config.train.device));
  log::info(fmt::format("{} processes train together", launch->ranks));
  return communicator;
}

Outcome among_ranks(const dist::Communicator& communicator, const std::function<Outcome()>& work) {
  try {
    const auto outcome = work();
    communicator.leave();
    return outcome;
  } catch (const dist::RankLost&) {
    throw;  // the others know
  } catch (const std::exception& error) {
    communicator.report_fault(first_line(error.what()));
    throw;
  }
}

void require_same_run(const Trainer& trainer, bool resume) {
  const auto& communicator = trainer.communicator();
  if (communicator.is_alone()) return;
  const auto all = communicator.gather(description(trainer, resume));
  for (std::size_t rank = 1; rank < all.size(); ++rank) {
    if (all[rank] == all.front()) continue;
    throw UsageError(fmt::format(
        "rank {} was started with another config, corpus or version of aero than rank 0, or only "
        "one of them with --resume; start all ranks with the same command",
        rank));
  }
}

}  // namespace aero::train
