#include "aero/dist/launch.h"

#include "aero/core/error.h"
#include "aero/dist/alone.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace aero::dist {
namespace {

using Variables = std::map<std::string, std::string>;

std::optional<Launch> launch_of(const Variables& variables) {
  return find_launch([&](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  });
}

std::string fault_of(const Variables& variables) {
  try {
    launch_of(variables);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

const Variables torchrun = {{"RANK", "5"},
                            {"WORLD_SIZE", "8"},
                            {"LOCAL_RANK", "1"},
                            {"MASTER_ADDR", "node3"},
                            {"MASTER_PORT", "29501"},
                            {"TORCHELASTIC_USE_AGENT_STORE", "True"},
                            {"TORCHELASTIC_RESTART_COUNT", "2"}};

const Variables srun = {{"SLURM_PROCID", "3"},      {"SLURM_NTASKS", "4"},
                        {"SLURM_LOCALID", "1"},     {"SLURM_STEP_ID", "0"},
                        {"SLURM_JOB_ID", "654321"}, {"SLURM_STEP_NODELIST", "gpu[07-09,12]"}};

const Variables mpirun = {{"OMPI_COMM_WORLD_RANK", "1"},
                          {"OMPI_COMM_WORLD_SIZE", "2"},
                          {"OMPI_COMM_WORLD_LOCAL_RANK", "1"},
                          {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"}};

TEST(Launch, IsAbsentWithoutALauncher) {
  EXPECT_FALSE(launch_of({}));
  EXPECT_FALSE(launch_of({{"MASTER_ADDR", "node3"}, {"MASTER_PORT", "29501"}}));
}

TEST(Launch, IsAbsentForAProcessThatIsToTrainAlone) {
  for (auto variables : {torchrun, srun, mpirun}) {
    ASSERT_TRUE(launch_of(variables));
    for (const auto& variable : variables_of_a_process_alone()) {
      const auto name_end = variable.find('=');
      variables[variable.substr(0, name_end)] = variable.substr(name_end + 1);
    }
    EXPECT_FALSE(launch_of(variables));
  }
}

TEST(Launch, IsAbsentForOneProcess) {
  EXPECT_FALSE(launch_of({{"RANK", "0"}, {"WORLD_SIZE", "1"}}));
  EXPECT_FALSE(launch_of({{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "1"}, {"SLURM_STEP_ID", "0"}}));
  EXPECT_FALSE(launch_of({{"OMPI_COMM_WORLD_RANK", "0"}, {"OMPI_COMM_WORLD_SIZE", "1"}}));
}

TEST(Launch, ReadsWhatTorchrunSets) {
  const auto launch = launch_of(torchrun).value();
  EXPECT_EQ(launch.by, "torchrun");
  EXPECT_EQ(launch.rank, 5);
  EXPECT_EQ(launch.ranks, 8);
  EXPECT_EQ(launch.local_rank, 1);
  EXPECT_EQ(launch.address, "node3");
  EXPECT_EQ(launch.port, 29501);
  EXPECT_TRUE(launch.has_store);
  EXPECT_EQ(launch.attempt, "2");
}

TEST(Launch, LetsRank0HoldTheStoreWhereTorchrunDoesNot) {
  auto variables = torchrun;
  variables["TORCHELASTIC_USE_AGENT_STORE"] = "False";
  EXPECT_FALSE(launch_of(variables)->has_store);
  variables.erase("TORCHELASTIC_USE_AGENT_STORE");
  EXPECT_FALSE(launch_of(variables)->has_store);
}

TEST(Launch, NamesAVariableThatIsMissingOrWrong) {
  auto variables = torchrun;
  variables.erase("MASTER_ADDR");
  EXPECT_THAT(fault_of(variables), testing::HasSubstr("MASTER_ADDR: is not set"));
  variables = torchrun;
  variables["RANK"] = "8";
  EXPECT_THAT(fault_of(variables), testing::HasSubstr("RANK"));
  variables["RANK"] = "first";
  EXPECT_THAT(fault_of(variables), testing::HasSubstr("first"));
}

TEST(Launch, ReadsWhatSlurmSets) {
  const auto launch = launch_of(srun).value();
  EXPECT_EQ(launch.by, "Slurm");
  EXPECT_EQ(launch.rank, 3);
  EXPECT_EQ(launch.ranks, 4);
  EXPECT_EQ(launch.local_rank, 1);
  EXPECT_EQ(launch.address, "gpu07");
  EXPECT_EQ(launch.port, 20000 + 654321 % 20000);
  EXPECT_FALSE(launch.has_store);
}

TEST(Launch, TakesTheSizeOfSlurmsStepAndAGivenMeetingPlace) {
  auto variables = srun;
  variables["SLURM_NTASKS"] = "16";
  variables["SLURM_STEP_NUM_TASKS"] = "4";
  variables["MASTER_ADDR"] = "10.0.0.1";
  variables["MASTER_PORT"] = "4000";
  const auto launch = launch_of(variables).value();
  EXPECT_EQ(launch.ranks, 4);
  EXPECT_EQ(launch.address, "10.0.0.1");
  EXPECT_EQ(launch.port, 4000);
}

TEST(Launch, TakesABatchScriptOfSlurmForOneProcess) {
  auto variables = srun;
  variables.erase("SLURM_STEP_ID");
  variables["SLURM_PROCID"] = "0";
  EXPECT_FALSE(launch_of(variables));
}

TEST(Launch, ReadsWhatOpenMpiSets) {
  auto variables = mpirun;
  const auto launch = launch_of(variables).value();
  EXPECT_EQ(launch.by, "MPI");
  EXPECT_EQ(launch.rank, 1);
  EXPECT_EQ(launch.address, "127.0.0.1");
  EXPECT_EQ(launch.port, 29500);
  variables["OMPI_COMM_WORLD_LOCAL_SIZE"] = "1";
  EXPECT_THAT(fault_of(variables), testing::HasSubstr("MASTER_ADDR: is not set"));
}

TEST(Launch, FindsTheFirstMachineOfSlurmsList) {
  EXPECT_EQ(first_host("node1"), "node1");
  EXPECT_EQ(first_host("node1,node2"), "node1");
  EXPECT_EQ(first_host("gpu[07-09,12],login1"), "gpu07");
  EXPECT_EQ(first_host("gpu[3]"), "gpu3");
  EXPECT_EQ(first_host("rack[1-2]-eth0,x"), "rack1-eth0");
  EXPECT_EQ(first_host("login1,gpu[07-09]"), "login1");
}

}  // namespace
}  // namespace aero::dist
