//! What every adapter must show, as tests that take the adapter.
//!
//! Each function is one behaviour and starts from an empty store. An adapter runs them all with
//! [`contract_tests`](crate::contract_tests), which makes one named test of each; a bus does the
//! same with [`bus_contract_tests`](crate::bus_contract_tests).

pub mod accounts;
pub mod admin_keys;
pub mod ai_sessions;
pub mod aliases;
pub mod audit;
pub mod bus;
pub mod call_contents;
pub mod changes;
pub mod costs;
pub mod counters;
pub mod credentials;
pub mod dead_letters;
pub mod drills;
pub mod endpoints;
mod ends;
pub mod evals;
pub mod faq;
pub mod groups;
pub mod guardrails;
pub mod idempotency;
pub mod jobs;
pub mod ledger;
pub mod mcp_servers;
pub mod memberships;
pub mod monitored_services;
pub mod network_rules;
pub mod plans;
pub mod prices;
pub mod project_providers;
pub mod projects;
pub mod prompts;
pub mod providers;
pub mod replicas;
pub mod repricings;
pub mod response_cache;
mod samples;
pub mod setup_guides;
pub mod sign_in;
pub mod statistics;
pub mod switches;
pub mod templates;
pub mod tokens;
pub mod unit_of_work;
pub mod usage;

/// Makes a module of tests, one for each behaviour of a store.
///
/// The name is that of the module and of an asynchronous function beside it, which answers with a
/// fixture: a value whose method `store()` gives a `&dyn Store` that is empty and
/// stays until the fixture is dropped. The macro needs `tokio` among the crate's dependencies.
///
/// ```text
/// async fn sqlite_memory() -> Fixture { … }
/// promptgate_store::contract_tests!(sqlite_memory);
/// ```
#[macro_export]
macro_rules! contract_tests {
    ($engine:ident) => {
        mod $engine {
            $crate::contract_tests!(@domain $engine projects:
                everything_round_trips
                what_one_engine_cannot_keep_is_replaced_on_all
                rollback_discards
                a_second_one_of_the_same_id_is_a_conflict
                a_deleted_one_is_not_found_but_counted
                a_lost_update_is_noticed
                two_writers_race_and_one_wins
                search_ignores_case_and_has_no_wildcards
                only_some_are_listed
                sorting_by_name_ignores_case
                equal_ones_are_sorted_by_id
                pages_are_stable_under_insert
                a_page_beyond_the_end_is_empty
            );
            $crate::contract_tests!(@domain $engine tokens:
                everything_round_trips
                numbers_too_large_become_the_largest
                a_second_one_of_the_same_hash_is_a_conflict
                a_lost_update_is_noticed
                two_writers_race_and_one_wins
                after_rotation_only_the_new_hash_finds_it
                a_use_never_moves_back_and_changes_no_version
                saving_keeps_a_use_that_was_noted_meanwhile
                uses_of_the_same_tokens_are_noted_by_many_at_once
                what_never_happened_is_listed_last
                revoked_ones_are_listed_when_asked_for
                a_project_lists_its_own_only
                an_owner_lists_what_still_works
                pages_are_stable_under_insert
                an_old_secret_finds_it_until_the_overlap_ends
                what_is_above_decides
                a_tree_is_read_from_its_top
                a_tree_is_changed_by_one_at_a_time
                what_is_over_is_marked_once
                minted_tokens_that_ended_are_removed
                keys_are_narrowed_and_sorted
            );
            $crate::contract_tests!(@domain $engine providers:
                everything_round_trips
                a_second_one_of_the_same_name_is_a_conflict
                a_lost_update_is_noticed
                two_writers_race_and_one_wins
                removal_takes_the_credentials_and_frees_the_name
                credentials_are_replaced_whole
                credentials_are_listed_oldest_first
                sorting_by_credential_puts_those_without_first
                all_are_listed_by_name
            );
            $crate::contract_tests!(@domain $engine usage:
                everything_round_trips
                what_one_engine_cannot_keep_is_replaced_on_all
                recording_again_changes_nothing
                many_are_recorded_at_once
                the_same_events_are_recorded_by_many_at_once
                filters_combine_and_the_newest_come_first
                the_log_is_filtered_by_everything_it_names
                the_log_is_filtered_by_what_guardrails_did
                pages_of_the_log_are_stable_under_insert
                pruning_takes_the_oldest_in_batches
                no_count_keeps_a_call_from_being_pruned
                totals_are_of_the_calls_that_are_left
            );
            $crate::contract_tests!(@domain $engine credentials:
                everything_round_trips
                a_lost_update_is_noticed
                removal_clears_what_names_it
                replacing_all_keeps_what_names_those_that_stay
                they_are_listed_with_their_uses
            );
            $crate::contract_tests!(@domain $engine templates:
                everything_round_trips
                a_second_one_of_the_same_slug_is_a_conflict
                a_lost_update_is_noticed
                removal_and_the_end_of_a_provider
                they_are_narrowed_and_sorted
            );
            $crate::contract_tests!(@domain $engine aliases:
                everything_round_trips
                a_second_one_of_the_same_name_is_a_conflict
                a_lost_update_is_noticed
                a_project_lists_its_own_by_name
                they_go_with_what_they_belong_to
            );
            $crate::contract_tests!(@domain $engine project_providers:
                a_setting_is_replaced
                they_are_listed_by_provider
                they_go_with_what_they_belong_to
            );
            $crate::contract_tests!(@domain $engine call_contents:
                everything_round_trips
                a_prompt_is_found_in_the_request
                what_one_engine_cannot_keep_is_replaced_on_all
                recording_again_changes_nothing
                pruning_takes_the_oldest_in_batches
            );
            $crate::contract_tests!(@domain $engine prompts:
                everything_is_shown
                a_prompt_is_found_wherever_it_is_kept
                they_are_narrowed
                they_are_sorted_in_pages
                they_go_with_what_was_said
            );
            $crate::contract_tests!(@domain $engine costs:
                calls_are_told_apart_by_everything_that_is_asked_for
                days_of_a_time_zone_add_up
                entries_are_sorted_by_what_they_cost_and_have_names
                late_calls_and_removed_ones_change_nothing
                other_prices_move_costs
                what_has_no_price_is_seen
            );
            $crate::contract_tests!(@domain $engine statistics:
                calls_are_summed
                days_are_told_apart
                accounts_do_not_see_each_other
                the_busiest_accounts_are_found
                adoption_is_counted
                removing_calls_changes_no_number
                many_remove_calls_at_once
            );
            $crate::contract_tests!(@domain $engine idempotency:
                a_claim_is_answered
                keys_of_other_tokens_are_others
                of_many_that_claim_at_once_one_wins
                an_expired_claim_is_taken_over_once
                a_claim_is_given_back
                a_claim_is_held_on_to
                rollback_discards
                pruning_takes_the_longest_expired_in_batches
            );
            $crate::contract_tests!(@domain $engine endpoints:
                everything_round_trips
                a_second_one_of_the_same_slug_is_a_conflict
                a_lost_update_is_noticed
                what_it_names_may_go
                a_project_lists_its_own
                versions_are_kept_in_order
                everything_of_it_goes_with_it
            );
            $crate::contract_tests!(@domain $engine evals:
                everything_round_trips
                a_lost_update_is_noticed
                an_endpoint_lists_its_own_by_name
                runs_are_kept_in_order
                they_go_with_what_they_belong_to
            );
            $crate::contract_tests!(@domain $engine ai_sessions:
                everything_round_trips
                a_turn_is_appended
                a_turn_that_does_not_fit_is_refused
                turns_at_the_same_time_share_no_place
                idle_ones_go_in_batches
                they_go_with_their_endpoint
            );
            $crate::contract_tests!(@domain $engine response_cache:
                an_answer_is_found_while_it_lasts
                a_second_answer_replaces_the_first
                hits_add_up
                many_use_one_answer_at_once
                the_answers_of_an_endpoint_go
                expired_ones_go_in_batches
            );
            $crate::contract_tests!(@domain $engine network_rules:
                everything_round_trips
                a_second_one_of_the_same_priority_is_a_conflict
                of_many_that_take_one_priority_at_once_one_gets_it
                a_lost_update_is_noticed
                two_exchange_their_priorities
                a_namespace_knows_its_own_only
                all_of_a_namespace_go_together
                what_is_in_force_is_read_at_once
                they_are_sorted
            );
            $crate::contract_tests!(@domain $engine prices:
                everything_round_trips
                a_second_one_of_the_same_model_is_a_conflict
                a_lost_update_is_noticed
                the_fallback_is_there_and_is_changed
                they_are_listed_by_provider_and_model
                every_version_stays
                a_version_is_kept_with_its_price_or_not_at_all
                what_is_published_is_kept_apart
                refreshes_are_remembered
                a_list_that_another_one_came_after_is_read_again
                calls_without_a_price_are_counted_by_model
            );
            $crate::contract_tests!(@domain $engine repricings:
                everything_round_trips
                only_the_next_step_is_saved
                a_call_gets_another_price_once
                sums_move_with_their_calls
            );
            $crate::contract_tests!(@domain $engine mcp_servers:
                everything_round_trips
                conflicts_and_lost_updates_are_noticed
                they_are_sorted_and_cut
            );
            $crate::contract_tests!(@domain $engine jobs:
                a_tick_is_taken_once_and_one_run_is_open
                a_paused_job_is_left_out
                a_run_is_claimed_once_and_closed_by_whoever_holds_it
                what_nobody_answers_for_lapses
                runs_are_listed_and_trimmed
                jobs_are_listed_with_how_they_go
            );
            $crate::contract_tests!(@domain $engine monitored_services:
                everything_round_trips
                conflicts_and_lost_updates_are_noticed
                a_result_and_a_change_do_not_overwrite_each_other
                a_result_of_another_definition_is_dropped
                a_look_is_claimed_once
                those_whose_turn_it_is_are_found
                they_are_sorted_and_degraded_ones_are_found
            );
            $crate::contract_tests!(@domain $engine faq:
                everything_round_trips
                they_are_sorted_and_published_ones_are_found
                places_are_given_out_once
            );
            $crate::contract_tests!(@domain $engine setup_guides:
                everything_round_trips
                a_second_one_of_the_same_identifier_is_a_conflict
                they_are_listed_in_order
                places_are_held_by_one
                the_default_ones_are_claimed_once
            );
            $crate::contract_tests!(@domain $engine accounts:
                everything_round_trips
                they_are_found_by_what_names_them
                a_user_name_finds_whoever_is_not_linked
                what_must_be_unique_is
                a_deleted_one_is_gone
                a_lost_update_is_noticed
                filters_combine
                they_are_sorted
                use_is_summed
                administrators_are_counted
                the_lock_makes_one_administrator
                two_writers_race_and_one_wins
                those_past_their_expiry_are_found
            );
            $crate::contract_tests!(@domain $engine guardrails:
                each_holder_says_its_own
                a_lost_update_is_noticed
                an_unknown_holder_says_nothing
            );
            $crate::contract_tests!(@domain $engine replicas:
                the_latest_beat_counts
                they_are_sorted_and_stale_ones_are_left_out
                they_are_removed_and_forgotten
            );
            $crate::contract_tests!(@domain $engine drills:
                one_at_a_time_until_its_end
            );
            $crate::contract_tests!(@domain $engine switches:
                they_are_off_until_switched_on
            );
            $crate::contract_tests!(@domain $engine memberships:
                they_are_found_by_both_sides
                setting_replaces_the_role
                they_are_removed
            );
            $crate::contract_tests!(@domain $engine groups:
                everything_round_trips
                a_name_is_taken_until_it_is_removed
                a_lost_update_is_noticed
                a_removed_provider_leaves_its_groups
                members_come_and_go
                groups_of_an_account_are_replaced
                new_accounts_are_welcomed
                limits_of_accounts_are_told
                standings_are_told
                they_are_narrowed_and_sorted
            );
            $crate::contract_tests!(@domain $engine plans:
                everything_round_trips
                a_second_one_of_the_same_name_is_a_conflict
                a_second_default_one_is_a_conflict
                a_lost_update_is_noticed
                accounts_have_plans
                they_are_sorted
            );
            $crate::contract_tests!(@domain $engine audit:
                the_chain_spans_units_of_work
                the_chain_holds_under_many_writers
                a_rollback_leaves_no_gap
                a_text_that_cannot_be_kept_does_not_break_the_chain
                it_is_read_in_parts
                they_are_narrowed_and_sorted
                checkpoints_are_kept_in_order
                the_first_ones_are_removed
                it_is_held_by_one
            );
            $crate::contract_tests!(@domain $engine dead_letters:
                everything_round_trips
                the_same_one_adds_up
                a_discarded_one_stays_away
                what_is_settled_is_told
                discarded_ones_are_pruned
                what_is_discarded_is_told
                they_are_listed_and_counted
            );
            $crate::contract_tests!(@domain $engine admin_keys:
                everything_round_trips
                a_second_one_of_the_same_name_is_a_conflict
                they_are_sorted
            );
            $crate::contract_tests!(@domain $engine changes:
                nothing_ever_changed_is_revision_zero
                a_rollback_gives_the_revision_back
                changes_are_read_in_order_and_in_parts
                revisions_commit_in_order_under_many_writers
                what_was_pruned_is_told
                pruning_keeps_the_latest_revision
                pruning_leaves_no_gap
                a_revision_from_the_future_is_told
            );
            $crate::contract_tests!(@domain $engine unit_of_work:
                everything_commits_together
                dropping_it_discards_everything
                reading_refuses_to_write
                after_an_error_nothing_is_kept
                the_order_of_audit_and_change_does_not_matter
                a_dropped_one_does_not_block_the_next
                it_answers_a_ping
            );
        }
    };
    (@domain $engine:ident $domain:ident: $($case:ident)*) => {
        mod $domain {
            $(
                #[tokio::test]
                async fn $case() {
                    let fixture = super::super::$engine().await;
                    $crate::contract::$domain::$case(fixture.store()).await;
                }
            )*
        }
    };
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_behaviour_is_listed() {
        let listed = concat!(include_str!("contract/ends.rs"), include_str!("contract.rs"));
        let sources = [
            ("audit", include_str!("contract/audit.rs")),
            ("admin_keys", include_str!("contract/admin_keys.rs")),
            ("accounts", include_str!("contract/accounts.rs")),
            ("dead_letters", include_str!("contract/dead_letters.rs")),
            ("memberships", include_str!("contract/memberships.rs")),
            ("sign_in", include_str!("contract/sign_in.rs")),
            ("bus", include_str!("contract/bus.rs")),
            ("changes", include_str!("contract/changes.rs")),
            ("costs", include_str!("contract/costs.rs")),
            ("counters", include_str!("contract/counters.rs")),
            ("ledger", concat!(include_str!("contract/ledger.rs"), include_str!("contract/ledger/held.rs"))),
            ("projects", include_str!("contract/projects.rs")),
            ("providers", include_str!("contract/providers.rs")),
            ("tokens", include_str!("contract/tokens.rs")),
            ("credentials", include_str!("contract/credentials.rs")),
            ("templates", include_str!("contract/templates.rs")),
            ("aliases", include_str!("contract/aliases.rs")),
            ("project_providers", include_str!("contract/project_providers.rs")),
            ("call_contents", include_str!("contract/call_contents.rs")),
            ("prompts", include_str!("contract/prompts.rs")),
            ("statistics", include_str!("contract/statistics.rs")),
            ("idempotency", include_str!("contract/idempotency.rs")),
            ("endpoints", include_str!("contract/endpoints.rs")),
            ("groups", include_str!("contract/groups.rs")),
            ("plans", include_str!("contract/plans.rs")),
            ("evals", include_str!("contract/evals.rs")),
            ("ai_sessions", include_str!("contract/ai_sessions.rs")),
            ("response_cache", include_str!("contract/response_cache.rs")),
            ("mcp_servers", include_str!("contract/mcp_servers.rs")),
            ("jobs", include_str!("contract/jobs.rs")),
            ("monitored_services", include_str!("contract/monitored_services.rs")),
            ("faq", include_str!("contract/faq.rs")),
            ("setup_guides", include_str!("contract/setup_guides.rs")),
            ("unit_of_work", include_str!("contract/unit_of_work.rs")),
            ("guardrails", include_str!("contract/guardrails.rs")),
            ("network_rules", include_str!("contract/network_rules.rs")),
            ("prices", include_str!("contract/prices.rs")),
            ("repricings", include_str!("contract/repricings.rs")),
            ("usage", include_str!("contract/usage.rs")),
            ("switches", include_str!("contract/switches.rs")),
            ("replicas", include_str!("contract/replicas.rs")),
            ("drills", include_str!("contract/drills.rs")),
        ];
        let modules: Vec<&str> =
            listed.split("\npub mod ").skip(1).filter_map(|rest| rest.split(';').next()).collect();
        let mut checked = sources.map(|(domain, _)| domain);
        checked.sort_unstable();
        assert_eq!(checked[..], modules);
        for (domain, source) in sources {
            let marker = match domain {
                "bus" => "@cases $bus:".to_owned(),
                "sign_in" => "@sign_in $module $fixture:".to_owned(),
                "counters" => "@counters $module $fixture:".to_owned(),
                "ledger" => "@ledger $module $fixture:".to_owned(),
                _ => format!("@domain $engine {domain}:"),
            };
            let list = listed.split_once(&marker).map(|(_, rest)| rest);
            let list = list.and_then(|rest| rest.split_once(");")).map(|(list, _)| list).unwrap();
            let listed: Vec<&str> = list.split_whitespace().collect();
            let written: Vec<&str> = source
                .split("\npub async fn ")
                .skip(1)
                .filter_map(|rest| rest.split_once('(').map(|(name, _)| name))
                .collect();
            assert_eq!(listed, written, "{domain}");
        }
    }
}
