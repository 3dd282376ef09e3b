#include "aero/pipeline/four_steps_replay.h"

#include "aero/core/error.h"
#include "aero/core/text.h"
#include "aero/pipeline/sweep_statistics.h"

#include "four_steps_baseline.h"
#include "four_steps_candidates.h"
#include "four_steps_decision.h"
#include "numbers.h"

#include <cstdint>

namespace aero::pipeline {
namespace {

/// The model that a step builds on.
struct Kept {
  Member member;
  MemberResult result;
};

class Replayer {
 public:
  explicit Replayer(const FourSteps& plan) : plan_(plan) {}

  /// Takes each step once the one before is decided.
  Replay run() {
    const bool through =
        take_baseline() && take_best(1, "LayerNorm removed", plan_.without_norm, without_norm) &&
        take_best(2, "activation removed", plan_.without_activation, without_activation) &&
        fuse_and_prune();
    if (through && !plan_.regularised.empty()) regularise();
    return std::move(replay_);
  }

 private:
  StepResult& step() { return replay_.steps.back(); }

  void begin(int number, const std::string& title) {
    replay_.steps.push_back({number, title, {}, std::nullopt, ""});
  }

  bool decide(std::size_t kept, const Member& member, const std::string& decision) {
    kept_ = {member, step().candidates[kept]};
    step().kept = kept;
    step().decision = decision;
    return true;
  }

  bool fail(const std::string& reason) {
    replay_.fault = fmt::format("step {}, {}: {}", step().number, step().title, reason);
    step().decision = reason;
    return false;
  }

  /// Returns the folder of a run of `source`. A loaded baseline is the same for all seeds.
  std::string folder_of(const Member& source, std::int64_t seed) const {
    const bool loaded = replay_.steps.size() == 2 && !plan_.loaded.empty();
    if (loaded) return plan_.loaded.string();
    return run_config(folders_, source, seed).run.folder;
  }

  RunConfig config_of(const Member& member, std::int64_t seed, const Member* source) const {
    RunConfig config = run_config(folders_, member, seed);
    if (plan_.warm_start && source != nullptr) config.train.warm_start = folder_of(*source, seed);
    return config;
  }

  void check_conflicts(const std::vector<Member>& members, const Member* source) const {
    std::vector<RunConfig> configs;
    for (const Member& member : members) {
      for (const std::int64_t seed : plan_.seeds) {
        configs.push_back(config_of(member, seed, source));
      }
    }
    const auto conflicts = jobs::conflicts_of(configs);
    if (!conflicts.empty()) throw UsageError(conflicts);
  }

  /// Adds the results of these models to the step. Where some runs have not ended, lists them as
  /// missing and returns false. `source` is the model that they continue under warm_start.
  bool try_models(const std::vector<Member>& members, const Member* source) {
    check_conflicts(members, source);
    Sweep sweep = folders_;
    sweep.members = members;
    const auto results = collect(sweep).members;
    for (MemberResult result : results) {
      hold_against_baseline(result);
      step().candidates.push_back(std::move(result));
    }
    for (std::size_t seed = 0; seed < plan_.seeds.size(); ++seed) {
      for (std::size_t i = 0; i < members.size(); ++i) {
        if (results[i].runs[seed].state.end != jobs::RunEnd::unfinished) continue;
        replay_.next.push_back(config_of(members[i], plan_.seeds[seed], source));
        replay_.names.push_back(fmt::format("{} seed {}", members[i].name, plan_.seeds[seed]));
      }
    }
    return replay_.next.empty();
  }

  void hold_against_baseline(MemberResult& result) const {
    const bool is_baseline = step().number == 0;
    const auto& baseline = is_baseline ? result : replay_.steps.front().candidates.front();
    if (!result.perplexity.mean) return;
    result.change_percent = 100 * (*result.perplexity.mean / *baseline.perplexity.mean - 1);
    result.difference = paired_difference(perplexities(result), perplexities(baseline));
  }

  const StepResult& step() const { return replay_.steps.back(); }

  bool take_baseline() {
    begin(0, "baseline");
    const Member member = baseline_member(plan_);
    if (plan_.loaded.empty()) {
      if (!try_models({member}, nullptr)) return false;
    } else {
      auto result = evaluated_baseline(plan_);
      replay_.needs_evaluation = !result;
      if (!result) return false;
      hold_against_baseline(*result);
      step().candidates.push_back(std::move(*result));
    }
    const auto& results = step().candidates;
    if (!stands(results.front())) return fail(none_stands_text(results));
    return decide(0, member,
                  plan_.loaded.empty()
                      ? choice_text(results, 0)
                      : fmt::format("Loaded from {}: perplexity {}.", plan_.loaded.string(),
                                    perplexity_of(results.front())));
  }

  bool take_best(int number, const std::string& title, const std::vector<Candidate>& candidates,
                 Member (*make)(const Candidate&, const RunConfig&)) {
    begin(number, title);
    const Member source = kept_.member;
    std::vector<Member> members;
    members.reserve(candidates.size());
    for (const Candidate& candidate : candidates) {
      members.push_back(make(candidate, source.config));
    }
    if (!try_models(members, &source)) return false;
    const auto best = best_of(step().candidates);
    if (!best) return fail(none_stands_text(step().candidates));
    return decide(*best, members[*best], choice_text(step().candidates, *best));
  }

  /// Compares all _i<k> with the fused model. Under warm_start they continue it, so that they have
  /// trained equally long.
  bool fuse_and_prune() {
    begin(3, "FFN fused and pruned");
    const Member source = kept_.member;
    const Member whole = fused(source.config);
    if (!try_models({whole}, &source)) return false;
    if (!stands(step().candidates.front())) return fail(none_stands_text(step().candidates));

    std::vector<Member> members{whole};
    std::string changes;
    std::string end;
    for (std::int64_t k = 1; k <= plan_.max_pruned && end.empty(); ++k) {
      const Member member = pruned(whole.config, k);
      if (!try_models({member}, &whole)) return false;
      const auto& unpruned = step().candidates.front();
      const auto& result = step().candidates.back();
      changes += (changes.empty() ? "" : ", ") + against(result, unpruned);
      if (!stands(result)) {
        end = "which ends the pruning";
      } else if (!is_within(*result.perplexity.mean, *unpruned.perplexity.mean, plan_.tolerance)) {
        const bool is_level = is_level_with_limit(result, unpruned, plan_.tolerance);
        end = fmt::format("beyond the tolerance of {}%{}", shortest(100 * plan_.tolerance),
                          is_level ? ", but within the spread over seeds" : "");
      } else {
        members.push_back(member);
      }
    }
    const std::size_t kept = members.size() - 1;
    const auto& results = step().candidates;
    auto text = fmt::format("k = {}. {} has perplexity {}", kept, results.front().name,
                            perplexity_of(results.front()));
    if (!changes.empty()) text += "; against it " + changes;
    if (!end.empty()) text += ", " + end;
    return decide(kept, members[kept], text + ".");
  }

  /// Makes the model before a candidate too, so that regularisation stays off where it does not
  /// help.
  void regularise() {
    begin(4, "entropy regularisation");
    const Member source = kept_.member;
    std::vector<Member> members;
    members.reserve(plan_.regularised.size());
    for (const Candidate& candidate : plan_.regularised) {
      members.push_back(regularised(candidate, source.config));
    }
    step().candidates.push_back(kept_.result);
    if (!try_models(members, &source)) return;
    members.insert(members.begin(), source);
    const auto best = *best_of(step().candidates);
    decide(best, members[best], choice_text(step().candidates, best));
  }

  const FourSteps& plan_;
  /// A sweep without members, from which run_config() takes run folders and collect() the rest.
  const Sweep folders_{.file = plan_.file,
                       .base = plan_.base,
                       .name = plan_.name,
                       .folder = plan_.folder,
                       .members = {},
                       .seeds = plan_.seeds,
                       .pricings = {plan_.pricings.own, std::nullopt}};
  Replay replay_;
  Kept kept_;
};

}  // namespace

void charge(Replay& replay, const Pricing& pricing) {
  for (StepResult& step : replay.steps) charge(step.candidates, pricing);
}

Replay replay(const FourSteps& plan) {
  return Replayer(plan).run();
}

}  // namespace aero::pipeline
