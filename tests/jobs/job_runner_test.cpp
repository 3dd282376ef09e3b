#include "aero/jobs/job_runner.h"

#include "aero/config/loader.h"

#include "tests/support/temporary_folder.h"
#include "tests/support/trained_run.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>

namespace aero::jobs {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using testing_support::get;
using testing_support::put;
using testing_support::TemporaryFolder;

namespace fs = std::filesystem;

/// Runs jobs with a shell script in place of `aero`; in it, RUN is the run's folder.
class JobRunner : public ::testing::Test {
 protected:
  JobRunner() { testing_support::save_step(folder_.path() / "saved", 1); }

  Job job(const std::string& name) const {
    Job job;
    job.run.folder = (folder_.path() / name).string();
    return job;
  }

  JobResults run(const std::vector<Job>& jobs, const std::string& script, int at_a_time = 1,
                 const std::vector<std::string>& gpus = {}) {
    const auto program = folder_.path() / "program.sh";
    put(program, "#!/bin/sh\nRUN=$(dirname \"$2\")\n" + script + "\n");
    ::chmod(program.c_str(), 0755);
    return run_jobs(jobs, {.jobs = at_a_time, .program = program, .gpus = gpus},
                    {.started = nullptr, .ended = [this](std::size_t index, const JobResult&) {
                       ended_.push_back(index);
                     }});
  }

  /// The line that ends the metrics of a run.
  static std::string says(const char* outcome) {
    return "echo '{\"event\": \"finish\", \"step\": 1, \"outcome\": \"" + std::string(outcome) +
           "\"}' >> $RUN/metrics.jsonl";
  }

  /// The same behind a saved state.
  static std::string finishes(const char* outcome) {
    return "cp -r $RUN/../saved/checkpoints $RUN\n" + says(outcome);
  }

  TemporaryFolder folder_;
  std::vector<std::size_t> ended_;
};

TEST_F(JobRunner, TrainsEachJobFromItsConfigAndSkipsWhatIsDone) {
  const auto script = "echo \"$@\" >> $RUN/calls\n" + finishes("finished");
  const std::vector<Job> jobs{job("a"), job("b")};
  const auto results = run(jobs, script);
  EXPECT_EQ(get(folder_.path() / "a/calls"),
            "train " + (folder_.path() / "a/config.json").string() + " --resume -q\n");
  EXPECT_EQ(load_config(folder_.path() / "b/config.json"), jobs[1]);
  EXPECT_EQ(results.jobs[1].end, JobEnd::finished);
  EXPECT_TRUE(results.jobs[1].trained);

  const auto again = run(jobs, "exit 1");
  EXPECT_EQ(again.jobs[0].end, JobEnd::finished);
  EXPECT_FALSE(again.jobs[0].trained);
  EXPECT_THAT(ended_, ElementsAre(0, 1, 0, 1));
}

TEST_F(JobRunner, ReportsWhyOneFailedAndTrainsTheOthers) {
  const auto results = run({job("bad"), job("good")},
                           "case $RUN in *bad) for i in 1 2 3 4 5 6 7; do echo line $i >&2; done; "
                           "exit 3;; esac\n" +
                               finishes("finished"));
  EXPECT_EQ(results.jobs[0].end, JobEnd::failed);
  EXPECT_EQ(results.jobs[0].message, "exit code 3\nline 3\nline 4\nline 5\nline 6\nline 7");
  EXPECT_EQ(results.jobs[1].end, JobEnd::finished);
}

TEST_F(JobRunner, NamesTheSignalThatKilledAJob) {
  const auto results = run({job("a")}, "kill -9 $$");
  EXPECT_EQ(results.jobs[0].end, JobEnd::failed);
  EXPECT_EQ(results.jobs[0].message, "ended by signal 9 (Killed)");
}

TEST_F(JobRunner, FailsAJobWhoseProgramIsNotThere) {
  const auto results = run_jobs({job("a")}, {.jobs = 1, .program = "/nowhere/aero"}, {});
  EXPECT_EQ(results.jobs[0].end, JobEnd::failed);
  EXPECT_THAT(results.jobs[0].message,
              HasSubstr("exit code 127\nthe program could not be started"));
}

TEST_F(JobRunner, TakesADivergedRunForAResultAndDoesNotRepeatIt) {
  const auto script = "echo x >> $RUN/calls\n" + finishes("nonfinite") + "\nexit 1";
  EXPECT_EQ(run({job("a")}, script).jobs[0].end, JobEnd::nonfinite);
  EXPECT_EQ(run({job("a")}, script).jobs[0].end, JobEnd::nonfinite);
  EXPECT_EQ(get(folder_.path() / "a/calls"), "x\n");
}

TEST_F(JobRunner, TrainsAgainWhatSaysThatItEndedAndIsNotSaved) {
  const auto unsaved = run({job("a")}, says("finished"));
  EXPECT_EQ(unsaved.jobs[0].end, JobEnd::failed);
  EXPECT_THAT(unsaved.jobs[0].message, AllOf(HasSubstr("its last state is not whole: "),
                                             HasSubstr("a/checkpoints/step-00000001/state.json")));
  const auto again = run({job("a")}, finishes("finished"));
  EXPECT_EQ(again.jobs[0].end, JobEnd::finished);
  EXPECT_TRUE(again.jobs[0].trained);
}

TEST_F(JobRunner, LeavesOutARunThatAnotherProcessTrains) {
  fs::create_directories(folder_.path() / "a");
  const int lock = ::open((folder_.path() / "a/lock").c_str(), O_RDWR | O_CREAT, 0666);
  ASSERT_EQ(::flock(lock, LOCK_EX), 0);
  const auto results = run({job("a"), job("b")}, finishes("finished"));
  EXPECT_EQ(results.jobs[0].end, JobEnd::locked);
  EXPECT_EQ(results.jobs[1].end, JobEnd::finished);
  EXPECT_FALSE(fs::exists(folder_.path() / "a/metrics.jsonl"));
  ::close(lock);
  EXPECT_EQ(run({job("a")}, finishes("finished")).jobs[0].end, JobEnd::finished);
}

TEST_F(JobRunner, TheChildHoldsTheLockToo) {
  // flock(1) fails where the lock is held through another opening of the file.
  const auto results =
      run({job("a")}, "flock -n $RUN/lock true || echo held > $RUN/held\n" + finishes("finished"));
  EXPECT_EQ(results.jobs[0].end, JobEnd::finished);
  EXPECT_TRUE(fs::exists(folder_.path() / "a/held"));
}

TEST_F(JobRunner, RefusesAFolderOfAnotherRun) {
  run({job("a")}, "exit 1");
  auto other = job("a");
  other.model.n_layer = 3;
  const auto results = run({other}, finishes("finished"));
  EXPECT_EQ(results.jobs[0].end, JobEnd::failed);
  EXPECT_THAT(results.jobs[0].message, HasSubstr("model.n_layer is 12 there and 3 here"));
}

TEST_F(JobRunner, SharesTheThreadsOutAmongRunsAtATime) {
  auto fixed = job("fixed");
  fixed.train.threads = 5;
  run({job("free"), fixed}, finishes("finished"), 1000);
  EXPECT_EQ(load_config(folder_.path() / "free/config.json").train.threads, 1);
  EXPECT_EQ(load_config(folder_.path() / "fixed/config.json").train.threads, 5);
}

TEST_F(JobRunner, SpreadsRunsOverGpus) {
  std::vector<Job> all{job("a"), job("b"), job("c")};
  all[2].train.device = "cuda:0";
  ::setenv("CUDA_VISIBLE_DEVICES", "all of them", 1);
  // Each waits until all have begun.
  run(all,
      "echo $CUDA_VISIBLE_DEVICES > $RUN/gpu\n"
      "for i in $(seq 500); do [ $(ls $RUN/../*/gpu | wc -l) = 3 ] && break; sleep 0.01; done\n" +
          finishes("finished"),
      3, {"5", "7"});
  ::unsetenv("CUDA_VISIBLE_DEVICES");
  EXPECT_EQ(get(folder_.path() / "a/gpu"), "5\n");
  EXPECT_EQ(get(folder_.path() / "b/gpu"), "7\n");
  EXPECT_EQ(get(folder_.path() / "c/gpu"), "all of them\n") << "it names a GPU itself";
}

TEST_F(JobRunner, RunsSeveralAtATime) {
  // Each waits for the other's mark, so that one after the other would not end well.
  const auto script =
      "touch $RUN/../mark-$(basename $RUN)\n"
      "for i in $(seq 300); do [ $(ls $RUN/.. | grep -c mark-) = 2 ] && break; "
      "sleep 0.01; done\n"
      "[ $(ls $RUN/.. | grep -c mark-) = 2 ] || exit 1\n" +
      finishes("finished");
  const auto results = run({job("a"), job("b")}, script, 2);
  EXPECT_EQ(results.jobs[0].end, JobEnd::finished);
  EXPECT_EQ(results.jobs[1].end, JobEnd::finished);
}

TEST_F(JobRunner, PassesASignalOnAndWaitsForTheSave) {
  // The child sends its parent the signal to stop, and then takes its time to save.
  const auto results = run({job("a"), job("b")},
                           "trap 'sleep 0.2; echo saved > $RUN/saved; exit 143' TERM\n"
                           "kill -TERM $PPID\n"
                           "while true; do sleep 0.01; done");
  EXPECT_EQ(results.signal, train::Outcome::terminated);
  EXPECT_EQ(results.jobs[0].end, JobEnd::interrupted);
  EXPECT_EQ(results.jobs[1].end, JobEnd::waiting);
  EXPECT_TRUE(fs::exists(folder_.path() / "a/saved"));
  EXPECT_FALSE(fs::exists(folder_.path() / "b"));
}

}  // namespace
}  // namespace aero::jobs
