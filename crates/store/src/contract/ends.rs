//! Contracts of what several processes share: their tests take two or three ends of it.

/// Makes a module of tests, one for each behaviour of a bus.
///
/// The name is that of the module and of an asynchronous function beside it, which answers with a
/// fixture: a value whose methods `here()` and `there()` give two ends of the same
/// bus as `&dyn Bus`. Where a bus has one end only, both may be the same.
#[macro_export]
macro_rules! bus_contract_tests {
    ($bus:ident) => {
        $crate::bus_contract_tests!(@cases $bus:
            an_announcement_reaches_every_subscriber_at_both_ends
            a_cancelled_wait_loses_nothing
            a_subscriber_that_left_does_not_disturb
        );
    };
    (@cases $bus:ident: $($case:ident)*) => {
        mod $bus {
            $(
                #[tokio::test]
                async fn $case() {
                    let fixture = super::$bus().await;
                    $crate::contract::bus::$case(fixture.here(), fixture.there()).await;
                }
            )*
        }
    };
}

/// Makes a module of tests, one for each behaviour of what sign-ins share.
///
/// The first name is that of the module, the second that of an asynchronous function beside it, which
/// answers with a fixture: a value whose methods `here()` and `there()` give what two
/// replicas have, as `&SignInState`.
#[macro_export]
macro_rules! sign_in_contract_tests {
    ($module:ident, $fixture:ident) => {
        $crate::sign_in_contract_tests!(@sign_in $module $fixture:
            a_session_round_trips
            a_use_never_moves_back
            a_removed_session_never_comes_back
            rotation_ends_the_old_secret
            sessions_of_an_account_go_together
            dead_sessions_are_pruned
            a_renewal_is_claimed_by_one
            a_renewal_survives_rotation
            tickets_are_replaced_one_by_one
            a_throttle_counts_in_windows
            a_throttle_holds_under_a_storm
            a_one_time_record_is_read_once
        );
    };
    (@sign_in $module:ident $fixture:ident: $($case:ident)*) => {
        mod $module {
            $(
                #[tokio::test]
                async fn $case() {
                    let fixture = super::$fixture().await;
                    $crate::contract::sign_in::$case(fixture.here(), fixture.there()).await;
                }
            )*
        }
    };
}

/// Makes a module of tests, one for each behaviour of the counters of limits.
///
/// The first name is that of the module, the second that of an asynchronous function beside it, which
/// answers with a fixture: a value whose methods `here()` and `there()` give what two
/// replicas have, as `&dyn Counters`.
#[macro_export]
macro_rules! counters_contract_tests {
    ($module:ident, $fixture:ident) => {
        $crate::counters_contract_tests!(@counters $module $fixture:
            what_is_taken_is_held_and_what_is_settled_is_used
            a_refusal_takes_nothing_of_any_counter
            counters_and_buckets_are_kept_apart
            a_window_that_slides_adds_up_its_buckets
            a_step_counts_once
            whoever_ends_holds_nothing
            a_storm_takes_no_more_than_there_is
            a_storm_over_several_counters_ends
            the_dead_are_swept
            whoever_extends_lives_on
            huge_caps_are_no_trouble
        );
    };
    (@counters $module:ident $fixture:ident: $($case:ident)*) => {
        mod $module {
            $(
                #[tokio::test]
                async fn $case() {
                    let fixture = super::$fixture().await;
                    $crate::contract::counters::$case(fixture.here(), fixture.there()).await;
                }
            )*
        }
    };
}

/// Makes a module of tests, one for each behaviour of the counters of the ledger.
///
/// The first name is that of the module, the second that of an asynchronous function beside it, which
/// answers with a fixture: a value whose method `ends()` gives what three replicas have, as
/// `&[`[`End`](crate::contract::ledger::End)`; 3]`, in the zone [`ZONE`](crate::contract::ledger::ZONE).
#[macro_export]
macro_rules! ledger_contract_tests {
    ($module:ident, $fixture:ident) => {
        $crate::ledger_contract_tests!(@ledger $module $fixture:
            an_event_is_charged_once
            what_is_told_as_spent_stays_held
            what_others_hold_stays_held
            everybody_concerned_is_charged
            an_event_of_the_dead_counts_once
            a_counter_stands_as_recorded_before_anybody_takes
            what_was_forgotten_is_filled_again
            a_month_adds_up_after_calls_were_removed
            calls_at_other_prices_count_at_those
            days_turn_with_summer_time
            first_takes_race_with_recording
            caps_hold_whoever_dies
            just_what_is_held_for_a_call_is_held_no_longer
        );
    };
    (@ledger $module:ident $fixture:ident: $($case:ident)*) => {
        mod $module {
            $(
                #[tokio::test]
                async fn $case() {
                    let fixture = super::$fixture().await;
                    $crate::contract::ledger::$case(fixture.ends()).await;
                }
            )*
        }
    };
}
